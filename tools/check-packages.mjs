#!/usr/bin/env node
/** Whether the libraries, packed as they are built, are packages that others can install and import. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glimpse-packages-'));
const installed = (name) => join(root, 'node_modules/.bin', name);

/** Runs a program; what it says shows only when it finds something. */
function passes(program, args) {
  const { status, stdout, stderr } = spawnSync(program, args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) console.error(`${stdout}${stderr}`);
  return status === 0;
}

try {
  const packed = passes(process.execPath, [join(root, 'tools/pack.mjs'), folder]);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  const sound = tarballs.map((name) => {
    const tarball = join(folder, name);
    const published = passes(installed('publint'), ['run', tarball, '--strict']);
    // CommonJS reaches them by `import()`, or by `require` from Node 20.19 on.
    const typed = passes(installed('attw'), [tarball, '--profile', 'esm-only']);
    console.log(`${name}: ${published && typed ? 'sound' : 'not sound'}`);
    return published && typed;
  });
  if (!packed || sound.length === 0 || sound.includes(false)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
