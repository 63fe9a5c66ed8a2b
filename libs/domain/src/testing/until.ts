import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Waits until a condition holds.
 *
 * @param timeout in milliseconds
 * @throws an error with the condition's source, if it does not hold in time
 */
export async function until(holds: () => boolean | Promise<boolean>, timeout = 15_000): Promise<void> {
  for (const deadline = Date.now() + timeout; !(await holds()); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`not so within ${timeout} ms: ${holds.toString()}`);
  }
}
