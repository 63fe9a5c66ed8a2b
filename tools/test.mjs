#!/usr/bin/env node
/** `npm test`: the tests of every project, and one line with their number at the end. Arguments are passed to Nx. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { countTests } from './test-counts.mjs';

const folder = mkdtempSync(join(tmpdir(), 'glimpse-test-'));
const file = join(folder, 'counts');
writeFileSync(file, '');
try {
  const env = { ...process.env, TEST_COUNTS_FILE: file };
  const nx = ['--no-install', 'nx', 'run-many', '-t', 'test', ...process.argv.slice(2)];
  const { status } = spawnSync('npx', nx, { env, stdio: 'inherit' });
  const { passed, failed, skipped } = countTests(file);
  // What could not even be built or run counts as one.
  const failures = status === 0 ? failed : Math.max(failed, 1);
  console.log(`\n${passed} passed, ${failures} failed, ${skipped} skipped`);
  process.exitCode = failures === 0 ? 0 : 1;
  // Of a run that is part of a longer one.
  const outer = process.env.TEST_COUNTS_FILE;
  if (outer) {
    appendFileSync(outer, readFileSync(file));
    if (failed > 0) appendFileSync(`${outer}.failed`, readFileSync(`${file}.failed`));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
