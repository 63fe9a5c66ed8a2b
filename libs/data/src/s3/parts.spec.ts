import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { PartBuffers, partsOf } from './parts.js';
import { partBytesOf } from './upload.js';

const MIB = 2 ** 20;

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

/** The bytes of all parts; each buffer is used again once its part is read. */
async function gathered(
  bytes: Buffer,
  chunk: number,
  part: number,
): Promise<{ parts: Buffer[]; buffers: Set<unknown> }> {
  const [parts, buffers] = [[] as Buffer[], new Set<unknown>()];
  const free = new PartBuffers(part);
  for await (const one of partsOf(chunksOf(bytes, chunk), part, free)) {
    expect(createHash('md5').update(one.bytes).digest().equals(one.md5)).toBe(true);
    parts.push(Buffer.from(one.bytes));
    buffers.add(one.bytes.buffer);
    free.release(one);
  }
  return { parts, buffers };
}

/** The number of buffers that the parts of some objects have, one after another; those of 10 bytes are kept. */
async function buffersOf(of: { objects: number; objectBytes: number; partBytes: number }): Promise<number> {
  const buffers = new PartBuffers(10);
  const seen = new Set<unknown>();
  for (let object = 0; object < of.objects; object++) {
    for await (const part of partsOf(chunksOf(randomBytes(of.objectBytes), 7), of.partBytes, buffers)) {
      seen.add(part.bytes.buffer);
      buffers.release(part);
    }
  }
  return seen.size;
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
    const { parts, buffers } = await gathered(bytes, chunk, 10);
    expect(parts.map(({ length }) => length)).toEqual(sizes);
    expect(Buffer.concat(parts).equals(bytes)).toBe(true);
    expect(buffers.size).toBeLessThanOrEqual(2);
  });

  it('of one object after another are in the same buffers', async () => {
    expect(await buffersOf({ objects: 5, objectBytes: 20, partBytes: 10 })).toBeLessThanOrEqual(2);
  });

  it('of objects of less than a part have buffers of their own, which are not kept', async () => {
    expect(await buffersOf({ objects: 3, objectBytes: 3, partBytes: 4 })).toBe(3);
  });

  it('are larger where ten thousand of them would not hold it', () => {
    expect(partBytesOf()).toBe(8 * MIB);
    expect(partBytesOf(80_000 * MIB)).toBe(8 * MIB);
    expect(partBytesOf(80_000 * MIB + 1) * 10_000).toBeGreaterThan(80_000 * MIB);
    expect(partBytesOf(5 * 2 ** 40)).toBeLessThan(5 * 2 ** 30);
  });
});
