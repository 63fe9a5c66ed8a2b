import { randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { ByteRange, ImageData } from '../image-data.js';

async function* chunksOf(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

async function bytesOf(data: ImageData, key: string, range: ByteRange): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of await data.read(key, range)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

async function keysOf(data: ImageData): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of data.list()) keys.push(key);
  return keys.sort();
}

/** What every store of image data has to do. @param open opens a new, empty store */
export function describeImageData(name: string, open: () => ImageData): void {
  describe(name, () => {
    it.each([0, 1, 65_536, 1_000_003])('has what was written: %d bytes', async (size) => {
      const data = open();
      const key = randomUUID();
      const bytes = randomBytes(size);
      await data.write(key, chunksOf(bytes, 7_777));
      expect((await bytesOf(data, key, { first: 0, last: size - 1 })).equals(bytes)).toBe(true);
      expect(await keysOf(data)).toEqual([key]);
    });

    it('has each range of it', async () => {
      const data = open();
      const key = randomUUID();
      await data.write(key, chunksOf(Buffer.from('0123456789'), 3));
      expect(String(await bytesOf(data, key, { first: 2, last: 2 }))).toBe('2');
      expect(String(await bytesOf(data, key, { first: 4, last: 9 }))).toBe('456789');
    });

    it('has no object whose bytes failed', async () => {
      const data = open();
      const key = randomUUID();
      const broken = (async function* () {
        yield await Promise.resolve(Buffer.alloc(500_000));
        throw new Error('the client is gone');
      })();
      await expect(data.write(key, broken)).rejects.toThrow('the client is gone');
      expect(await keysOf(data)).toEqual([]);
      await expect(data.read(key, { first: 0, last: 0 })).rejects.toMatchObject({ code: 'data-unavailable' });
    });

    it('lists each of many objects once, with its size and the time of its writing', async () => {
      const data = open();
      const keys = Array.from({ length: 150 }, () => randomUUID());
      for (const [at, key] of keys.entries()) await data.write(key, chunksOf(Buffer.alloc(at), 100));
      const listed = new Map<string, number>();
      const [dayBefore, dayAfter] = [-1, 1].map((days) => Date.now() + days * 86_400_000);
      for await (const { key, bytes, modifiedAt } of data.list()) {
        expect(listed.has(key)).toBe(false);
        listed.set(key, bytes);
        expect(modifiedAt.getTime()).toBeGreaterThan(dayBefore!);
        expect(modifiedAt.getTime()).toBeLessThan(dayAfter!);
      }
      expect(listed).toEqual(new Map(keys.map((key, at) => [key, at])));
    });

    it('breaks off a read beyond the end, instead of ending it early', async () => {
      const data = open();
      const key = randomUUID();
      await data.write(key, chunksOf(Buffer.from('abc'), 3));
      await expect(bytesOf(data, key, { first: 0, last: 5 })).rejects.toMatchObject({
        code: 'data-unavailable',
      });
    });

    it('deletes an object once, and again without an error', async () => {
      const data = open();
      const [kept, deleted] = [randomUUID(), randomUUID()];
      for (const key of [kept, deleted]) await data.write(key, chunksOf(Buffer.from(key), 9));
      await data.delete(deleted);
      await data.delete(deleted);
      expect(await keysOf(data)).toEqual([kept]);
      await expect(data.read(deleted, { first: 0, last: 0 })).rejects.toMatchObject({
        code: 'data-unavailable',
      });
    });

    it('keeps its first marker, which is no object', async () => {
      const data = open();
      expect(await data.readMarker()).toBeUndefined();
      await data.writeMarker('one');
      await data.writeMarker('two').catch(() => undefined);
      expect(await data.readMarker()).toBe('one');
      expect(await keysOf(data)).toEqual([]);
    });
  });
}
