#!/usr/bin/env node
/** `npm run pack`: puts the libraries that others build on into tarballs. `--help` has more. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFolder } from './command-line.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const HELP = `Usage: node tools/pack.mjs [FOLDER]

Puts the libraries that others build on into tarballs: the build, without the condition that leads to sources inside
this repository. Beside each tarball in the folder (dist/packages) is what is in it, by the package's name.
`;
const target = resolve(readFolder(HELP) ?? join(root, 'dist/packages'));

/** The package.json that consumers see. */
function published({ nx: _nx, devDependencies: _devDependencies, exports, ...manifest }) {
  const entries = Object.entries(exports).map(([entry, { '@glimpse/source': _source, ...conditions }]) => [
    entry,
    conditions,
  ]);
  return { ...manifest, exports: Object.fromEntries(entries) };
}

/** Puts what is packed of a library into a folder. @returns the folder */
function stage(name) {
  const library = join(root, 'libs', name);
  const manifest = published(JSON.parse(readFileSync(join(library, 'package.json'), 'utf8')));
  const folder = join(target, manifest.name);
  mkdirSync(folder, { recursive: true });
  cpSync(join(library, 'dist'), join(folder, 'dist'), { recursive: true });
  cpSync(join(library, 'README.md'), join(folder, 'README.md'));
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  return folder;
}

rmSync(target, { recursive: true, force: true });
const folders = ['domain', 'links', 'options', 'http-client', 'plugins', 'auth', 'glance', 'mirror'].map(
  stage,
);
execFileSync('npm', ['pack', '--silent', '--pack-destination', target, ...folders], {
  stdio: ['ignore', 'ignore', 'inherit'],
});
