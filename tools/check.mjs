#!/usr/bin/env node
/** `npm run check`: everything that can be said about the code without running it, each finding in one run. */
import { spawnSync } from 'node:child_process';

const CHECKS = [
  ['format', 'prettier --check .'],
  ['project references', 'nx sync:check'],
  ['types', 'nx run-many -t typecheck --outputStyle=static'],
  ['lint and boundaries', 'nx run-many -t lint --outputStyle=static'],
  ['lint of what no project holds', 'eslint examples tools'],
  ['unused code and dependencies', 'knip'],
  ['public types', 'node tools/api.mjs --check'],
  ['packages', 'node tools/check-packages.mjs'],
  ['reference', 'typedoc --emit none'],
];

const failed = CHECKS.filter(([name, command]) => {
  console.log(`\n— ${name}: ${command}`);
  const [program, ...args] = command.startsWith('node ')
    ? command.replace('node', process.execPath).split(' ')
    : ['npx', '--no-install', ...command.split(' ')];
  return spawnSync(program, args, { stdio: 'inherit' }).status !== 0;
});
console.log(failed.length === 0 ? '\nall clean' : `\nnot clean: ${failed.map(([name]) => name).join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);
