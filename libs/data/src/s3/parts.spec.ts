import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { partsOf, type Part } from './parts.js';
import { partBytesOf } from './upload.js';

const MIB = 2 ** 20;

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function gathered(bytes: Buffer, chunk: number, part: number): Promise<Part[]> {
  const parts: Part[] = [];
  for await (const one of partsOf(chunksOf(bytes, chunk), part)) parts.push(one);
  return parts;
}

describe('the parts of an object', () => {
  it.each([
    [0, 7, [0]],
    [5, 7, [5]],
    [10, 10, [10]],
    [30, 7, [10, 10, 10]],
    [31, 64, [10, 10, 10, 1]],
    [25, 1, [10, 10, 5]],
  ])('of %d bytes in chunks of %d have %j bytes each, and their MD5', async (size, chunk, sizes) => {
    const bytes = randomBytes(size);
    const parts = await gathered(bytes, chunk, 10);
    expect(parts.map((part) => part.size)).toEqual(sizes);
    expect(Buffer.concat(parts.flatMap(({ chunks }) => chunks)).equals(bytes)).toBe(true);
    for (const { chunks, md5 } of parts) {
      expect(createHash('md5').update(Buffer.concat(chunks)).digest().equals(md5)).toBe(true);
    }
  });

  it('are larger where ten thousand of them would not hold it', () => {
    expect(partBytesOf()).toBe(8 * MIB);
    expect(partBytesOf(80_000 * MIB)).toBe(8 * MIB);
    expect(partBytesOf(80_000 * MIB + 1) * 10_000).toBeGreaterThan(80_000 * MIB);
    expect(partBytesOf(5 * 2 ** 40)).toBeLessThan(5 * 2 ** 30);
  });
});
