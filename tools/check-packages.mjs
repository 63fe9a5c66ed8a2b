#!/usr/bin/env node
/** Whether the libraries, packed as they are built, are packages that others can install and import. */
import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'glimpse-packages-'));
const installed = (name) => join(root, 'node_modules/.bin', name);

/** Runs a program; what it says shows only when it finds something. */
async function passes(program, args) {
  try {
    await promisify(execFile)(program, args, { cwd: root });
    return true;
  } catch ({ message, stdout, stderr }) {
    console.error(`${message}\n${stdout}${stderr}`);
    return false;
  }
}

try {
  const packed = await passes(process.execPath, [join(root, 'tools/pack.mjs'), folder]);
  const tarballs = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  const isSound = async (name) => {
    const tarball = join(folder, name);
    const published = await passes(installed('publint'), ['run', tarball, '--strict']);
    // CommonJS reaches them by `import()`, or by `require` from Node 20.19 on.
    const typed = await passes(installed('attw'), [tarball, '--profile', 'esm-only']);
    console.log(`${name}: ${published && typed ? 'sound' : 'not sound'}`);
    return published && typed;
  };
  const sound = await Promise.all(tarballs.map(isSound));
  if (!packed || sound.length === 0 || sound.includes(false)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
