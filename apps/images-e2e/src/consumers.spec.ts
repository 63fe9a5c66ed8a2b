import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { newFolder } from './harness/service.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const LIBRARIES = ['domain', 'links', 'plugins', 'auth'];

/** The first program of a library's README. */
function exampleOf(library: string): string {
  const readme = readFileSync(join(root, 'libs', library, 'README.md'), 'utf8');
  const [, program] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  if (!program) throw new Error(`the README of ${library} has no example`);
  return program;
}

describe('the libraries, packed and installed into an empty folder', () => {
  const consumer = newFolder();

  beforeAll(() => {
    const packages = join(root, 'dist/packages');
    execFileSync(process.execPath, [join(root, 'tools/pack.mjs')], { stdio: 'ignore' });
    const tarballs = readdirSync(packages).filter((name) => name.endsWith('.tgz'));
    expect(tarballs).toHaveLength(LIBRARIES.length);
    writeFileSync(join(consumer, 'package.json'), '{ "type": "module", "private": true }');
    const paths = tarballs.map((name) => join(packages, name));
    execFileSync('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', ...paths], {
      cwd: consumer,
      stdio: 'ignore',
    });
  }, 120_000);

  for (const library of LIBRARIES) {
    it(`run the example of the README of ${library}`, () => {
      const program = join(consumer, `${library}.mjs`);
      writeFileSync(program, exampleOf(library));
      const output = execFileSync(process.execPath, [program], { cwd: consumer, encoding: 'utf8' });
      expect(output.trim()).not.toBe('');
    });

    it(`hold of ${library} the build and nothing of its sources or tests`, () => {
      const folder = join(consumer, 'node_modules/@glimpse', library);
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
      expect(files.filter((name) => /^src|spec|tsbuildinfo|tsconfig|jest/.test(name))).toEqual([]);
      expect(files).toEqual(
        expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']),
      );
      const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
      expect(manifest).not.toContain('@glimpse/source');
    });
  }

  it('bring NestJS to nobody who does not ask for it', () => {
    expect(readdirSync(join(consumer, 'node_modules'))).not.toContain('@nestjs');
  });
});
