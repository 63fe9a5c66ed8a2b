import { describe, expect, it } from '@jest/globals';
import { RateLimit } from './rate-limit.js';

describe('RateLimit', () => {
  it('lets the first of each kind through, and the next when its time is over', () => {
    let now = 5;
    const limit = new RateLimit(60, () => now);
    const allowed = (): boolean[] => ['a', 'a', 'b'].map((kind) => limit.allows(kind));
    expect(allowed()).toEqual([true, false, true]);
    now += 59.9;
    expect(allowed()).toEqual([false, false, false]);
    now += 0.1;
    expect(allowed()).toEqual([true, false, true]);
  });
});
