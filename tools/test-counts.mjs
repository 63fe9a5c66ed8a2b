/**
 * A Jest reporter. Where TEST_COUNTS_FILE names a file, it appends one line for each spec file: passed, failed and skipped
 * tests, seconds, path. So one run over many projects can be added up.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

export default class TestCounts {
  onTestResult({ path }, { numPassingTests, numFailingTests, numPendingTests, testExecError, perfStats }) {
    const file = process.env.TEST_COUNTS_FILE;
    if (!file) return;
    // A file that cannot be run has no tests, but has failed.
    const failed = testExecError === undefined || numFailingTests > 0 ? numFailingTests : 1;
    const seconds = Math.round(perfStats.runtime / 1000);
    const line = [numPassingTests, failed, numPendingTests, seconds, relative(ROOT, path)].join(' ');
    appendFileSync(file, `${line}\n`);
  }
}

/** The tests of all spec files that reported to a file. */
export function countTests(file) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const [passed, failed, skipped] = line.split(' ').map(Number);
    counts.passed += passed;
    counts.failed += failed;
    counts.skipped += skipped;
  }
  return counts;
}
