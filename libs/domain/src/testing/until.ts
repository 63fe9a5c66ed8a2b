import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 10;
/** The most that one attempt counts: a machine that stands still for seconds does not use up the time. */
const MAX_COUNTED_MS = 1_000;

/**
 * Waits until a condition holds.
 *
 * @param timeout in milliseconds
 * @throws an error with the condition's source, if it does not hold in time
 */
export async function until(holds: () => boolean | Promise<boolean>, timeout = 15_000): Promise<void> {
  for (let left = timeout, from = performance.now(); !(await holds());) {
    if (left <= 0) throw new Error(`not so within ${timeout} ms: ${holds.toString()}`);
    await sleep(PAUSE_MS);
    const now = performance.now();
    left -= Math.min(now - from, MAX_COUNTED_MS);
    from = now;
  }
}
