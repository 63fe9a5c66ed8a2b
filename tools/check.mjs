#!/usr/bin/env node
/** `npm run check`: everything that can be said about the code without running it, each finding in one run. */
import { spawnSync } from 'node:child_process';

const CHECKS = [
  ['format', 'prettier --check .'],
  ['project references', 'nx sync:check'],
  ['types', 'nx run-many -t typecheck --outputStyle=static'],
  ['lint and boundaries', 'nx run-many -t lint --outputStyle=static'],
  ['unused code and dependencies', 'knip'],
];

const failed = CHECKS.filter(([name, command]) => {
  console.log(`\n— ${name}: ${command}`);
  return spawnSync('npx', ['--no-install', ...command.split(' ')], { stdio: 'inherit' }).status !== 0;
});
console.log(failed.length === 0 ? '\nall clean' : `\nnot clean: ${failed.map(([name]) => name).join(', ')}`);
process.exit(failed.length === 0 ? 0 : 1);
