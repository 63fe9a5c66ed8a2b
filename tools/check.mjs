#!/usr/bin/env node
/** `npm run check`: everything that can be said about the code without running it, each finding in one run. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Two lists of about the same length, which run side by side. */
const CHECKS = [
  [
    ['format', 'prettier --check .'],
    ['lint and boundaries', 'eslint .'],
    ['unused code and dependencies', 'knip'],
  ],
  [
    ['project references', 'nx sync:check'],
    // One process for all projects: Nx would start one for each, and each would read again what several have in common.
    ['types', 'tsc --build --emitDeclarationOnly'],
    ['public types', 'node tools/api.mjs --check'],
    ['packages', 'node tools/check-packages.mjs'],
    ['reference', 'typedoc --emit none'],
  ],
];

/** Runs a check, and prints what it printed once it has ended. @returns whether it is clean */
async function isClean([name, command]) {
  const [tool, ...args] = command.split(' ');
  const program = tool === 'node' ? process.execPath : join('node_modules/.bin', tool);
  const from = performance.now();
  const run = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [stdout, stderr, [status]] = await Promise.all([
    text(run.stdout),
    text(run.stderr),
    once(run, 'close'),
  ]);
  console.log(`\n— ${name}: ${command}\n${stdout}${stderr}`);
  const seconds = Math.round((performance.now() - from) / 1_000);
  console.log(`${name}: ${status === 0 ? 'clean' : 'not clean'}, ${seconds} s`);
  return status === 0;
}

/** Runs checks one after another. @returns the names of those that are not clean */
async function failuresOf(checks) {
  const failures = [];
  for (const check of checks) if (!(await isClean(check))) failures.push(check[0]);
  return failures;
}

const failed = (await Promise.all(CHECKS.map(failuresOf))).flat();

/** The source files of the service and the libraries: neither tests nor what is for tests alone, nor generated. */
function sourceFiles() {
  const roots = ['apps/images/src', ...readdirSync('libs').map((name) => `libs/${name}/src`)].filter(
    existsSync,
  );
  return roots.flatMap((root) =>
    readdirSync(root, { recursive: true })
      .filter((path) => path.endsWith('.ts') && !/\.spec\.ts$|(?:^|\/)(?:testing|generated)\//.test(path))
      .map((path) => join(root, path)),
  );
}

/** The lines of a file that are neither blank nor comment. */
function codeLines(file) {
  const text = readFileSync(file, 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
  return text.split('\n').filter((line) => !/^\s*(?:\/\/.*)?$/.test(line)).length;
}

const files = sourceFiles();
const lines = files.reduce((sum, file) => sum + codeLines(file), 0);
console.log(`\n${lines} lines of code in ${files.length} files, without tests, comments and blank lines`);

console.log(failed.length === 0 ? '\nall clean' : `\nnot clean: ${failed.join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);
