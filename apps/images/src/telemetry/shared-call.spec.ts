import { describe, expect, it } from '@jest/globals';
import { SharedCall } from './shared-call.js';

describe('a shared call', () => {
  it('runs once for all that wait for it, and again for those that came after it had begun', async () => {
    let runs = 0;
    let finish = (): void => undefined;
    const shared = new SharedCall(async () => {
      const run = ++runs;
      await new Promise<void>((resolve) => (finish = resolve));
      return run;
    }, 0);
    const first = [shared.call(), shared.call()];
    await new Promise((resolve) => setImmediate(resolve));
    const later = [shared.call(), shared.call()];
    finish();
    expect(await Promise.all(first)).toEqual([1, 1]);
    while (runs < 2) await new Promise((resolve) => setImmediate(resolve));
    finish();
    expect(await Promise.all(later)).toEqual([2, 2]);
  });

  it('runs again after a failure', async () => {
    let runs = 0;
    const shared = new SharedCall(
      () => (++runs === 1 ? Promise.reject(new Error('of a test')) : Promise.resolve(runs)),
      0,
    );
    await expect(shared.call()).rejects.toThrow('of a test');
    expect(await shared.call()).toBe(2);
  });

  it('rests between two runs', async () => {
    const began: number[] = [];
    const shared = new SharedCall(async () => void began.push(performance.now()), 50);
    for (let run = 0; run < 3; run++) await shared.call();
    // A timer may fire within the millisecond before.
    for (const at of [1, 2]) expect(began[at]! - began[at - 1]!).toBeGreaterThan(48);
  });
});
