import { createHash } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { Digest } from './digest.js';

const CHUNKS = Array.from({ length: 20 }, (_, n) => Buffer.from(`chunk ${n}`));

async function* chunks(): AsyncGenerator<Uint8Array> {
  for (const chunk of CHUNKS) yield await Promise.resolve(chunk);
}

it('measures data as it passes, and lets other requests in between its chunks', async () => {
  let turns = 0;
  let next = setImmediate(function count() {
    turns++;
    next = setImmediate(count);
  });
  const digest = new Digest();
  const passed: Uint8Array[] = [];
  for await (const chunk of digest.pass(chunks())) passed.push(chunk);
  clearImmediate(next);
  expect(turns).toBeGreaterThanOrEqual(CHUNKS.length - 1);
  const bytes = Buffer.concat(CHUNKS);
  expect(Buffer.concat(passed)).toEqual(bytes);
  expect(digest.measured()).toEqual({
    size: bytes.length,
    checksum: createHash('md5').update(bytes).digest('hex'),
    hash: createHash('sha512').update(bytes).digest('hex'),
  });
});

it('measures one chunk in each iteration of the event loop, of however much data that passes at once', async () => {
  let passed = 0;
  let ended = 0;
  const uploads = [1, 2, 3].map(async () => {
    const bytes = new Digest().pass(chunks())[Symbol.asyncIterator]();
    while (!(await bytes.next()).done) passed++;
    ended++;
  });
  const counts: number[] = [];
  for (let before = passed; ended < uploads.length; before = passed) {
    await new Promise(setImmediate);
    counts.push(passed - before);
  }
  await Promise.all(uploads);
  expect(passed).toBe(3 * CHUNKS.length);
  // The first chunk of each waits for nothing.
  expect(Math.max(...counts.slice(1))).toBe(1);
});
