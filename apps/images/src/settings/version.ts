import { readFileSync } from 'node:fs';

// The folder above `src` or `dist`: the bundle has this file at another depth than the sources.
const here = import.meta.url;
const folder = here.slice(0, Math.max(here.lastIndexOf('/src/'), here.lastIndexOf('/dist/')) + 1);

const manifest = new URL('package.json', folder);

/** The version of this build. */
export const VERSION = (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version;
