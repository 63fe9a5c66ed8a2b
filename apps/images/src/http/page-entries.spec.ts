import { describe, expect, it } from '@jest/globals';
import { pageEntries } from './page-entries.js';

const KIB = 2 ** 10;

describe('the entries of a page', () => {
  it('of many bytes are composed in slices, between which other requests are processed', async () => {
    const composed: number[] = [];
    let isComplete = false;
    const entries = pageEntries(
      Array.from({ length: 32 }, (_, n) => String(n)),
      (image) => {
        composed.push(Number(image));
        return JSON.stringify(image.padEnd(64 * KIB));
      },
    ).finally(() => (isComplete = true));
    const between: number[] = [];
    while (!isComplete) {
      between.push(composed.length);
      await new Promise(setImmediate);
    }
    expect(JSON.parse(`[${(await entries).json}]`)).toHaveLength(32);
    expect(composed).toEqual(Array.from({ length: 32 }, (_, n) => n));
    const sizes = between.map((count, at) => count - (between[at - 1] ?? 0));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  it('of few bytes are composed at once', () => {
    let composed = 0;
    void pageEntries(
      Array.from({ length: 32 }, (_, n) => String(n)),
      (image) => {
        composed++;
        return JSON.stringify(image.padEnd(4 * KIB));
      },
    );
    expect(composed).toBe(32);
  });
});
