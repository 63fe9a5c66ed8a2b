/**
 * A Jest reporter. Where TEST_COUNTS_FILE names a file, it appends one line for each spec file: passed, failed and skipped
 * tests, seconds, path. So one run over many projects can be added up. What failed, and why, goes to `FILE.failed`.
 */
import { appendFileSync, readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Characters of a failure's message. */
const MESSAGE_LENGTH = 700;

export default class TestCounts {
  onTestResult({ path }, result) {
    const { numPassingTests, numFailingTests, numPendingTests, testExecError, testResults, perfStats } =
      result;
    const file = process.env.TEST_COUNTS_FILE;
    if (!file) return;
    // A file that cannot be run has no tests, but has failed.
    const failed = testExecError === undefined || numFailingTests > 0 ? numFailingTests : 1;
    const seconds = Math.round(perfStats.runtime / 1000);
    const line = [numPassingTests, failed, numPendingTests, seconds, relative(ROOT, path)].join(' ');
    appendFileSync(file, `${line}\n`);
    const reasons = testResults
      .filter(({ status }) => status === 'failed')
      .map(
        ({ fullName, failureMessages: [message = ''] }) => `${fullName}\n${message.slice(0, MESSAGE_LENGTH)}`,
      );
    if (testExecError !== undefined) reasons.push(String(testExecError.message).slice(0, MESSAGE_LENGTH));
    for (const reason of reasons) appendFileSync(`${file}.failed`, `${relative(ROOT, path)}: ${reason}\n\n`);
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
