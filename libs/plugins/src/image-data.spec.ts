import { DataUnavailable } from '@glimpse/domain';
import { describe, expect, it } from '@jest/globals';
import { definePlugin, type ImageData, type ListedObject } from './contract.js';
import { isolateImageData } from './image-data.js';
import { checkImageData, ConformanceError } from './testing/index.js';

/** A store in memory, which may be wrong in some way. */
class MemoryStore implements ImageData {
  readonly objects = new Map<string, Buffer>();
  text: string | undefined;

  async write(key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of bytes) chunks.push(chunk);
    this.objects.set(key, Buffer.concat(chunks));
  }

  read(key: string, { first, last }: { first: number; last: number }): Promise<AsyncIterable<Uint8Array>> {
    const whole = this.objects.get(key);
    if (!whole || last >= whole.length) return Promise.reject(new DataUnavailable());
    return Promise.resolve(chunksOf(whole.subarray(first, last + 1)));
  }

  async delete(key: string): Promise<void> {
    this.objects.delete(key);
  }

  async *list(): AsyncGenerator<ListedObject> {
    for (const [key, { length }] of this.objects) yield { key, bytes: length, modifiedAt: new Date() };
  }

  readMarker(): Promise<string | undefined> {
    return Promise.resolve(this.text);
  }

  async writeMarker(text: string): Promise<void> {
    this.text ??= text;
  }
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(bytes);
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const chunk of bytes) text += String(Buffer.from(chunk));
  return text;
}

const ABC = Buffer.from('abc');
const KEY = '70a599e0-31e7-49b7-b260-868f441e862b';
const WHOLE = { first: 0, last: 2 };
const UNAVAILABLE = { code: 'data-unavailable' };

function isolated(changes: Partial<ImageData> = {}): { data: ImageData; faults: string[] } {
  const faults: string[] = [];
  const store = Object.assign(new MemoryStore(), changes);
  return { data: isolateImageData(store, (reason) => faults.push(reason)), faults };
}

const pluginOf = (create: () => ImageData): ReturnType<typeof definePlugin<'image-data', object>> =>
  definePlugin({ kind: 'image-data', contract: 1, create });

describe('a store from a module', () => {
  it('is used as it is where it does what its contract says', async () => {
    const { data, faults } = isolated({ maxUploads: 3 });
    expect(data.maxUploads).toBe(3);
    await data.write(KEY, chunksOf(ABC));
    expect(await textOf(await data.read(KEY, WHOLE))).toBe('abc');
    await expect(data.read(KEY, { first: 0, last: 9 })).rejects.toMatchObject(UNAVAILABLE);
    expect(faults).toEqual([]);
  });

  it('is unavailable where it throws something else, which is reported', async () => {
    const fail = (): Promise<never> => Promise.reject(new TypeError('broken'));
    const { data, faults } = isolated({ write: fail, read: fail, delete: fail, readMarker: fail });
    await expect(data.write(KEY, chunksOf(ABC))).rejects.toMatchObject(UNAVAILABLE);
    await expect(data.read(KEY, WHOLE)).rejects.toMatchObject(UNAVAILABLE);
    await expect(data.delete(KEY)).rejects.toMatchObject(UNAVAILABLE);
    await expect(data.readMarker()).rejects.toMatchObject(UNAVAILABLE);
    expect(faults).toEqual(Array<string>(4).fill('TypeError: broken'));
  });

  it('may throw the errors of its own copy of the domain', async () => {
    const full = Object.assign(new Error('full'), { code: 'store-full' });
    const { data, faults } = isolated({ write: () => Promise.reject(full) });
    await expect(data.write(KEY, chunksOf(ABC))).rejects.toMatchObject({ code: 'store-full' });
    expect(faults).toEqual([]);
  });

  it('has no say in how the bytes of a client failed', async () => {
    const swallow = async (_key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> => {
      await textOf(bytes).catch(() => Promise.reject(new Error('another')));
    };
    const { data, faults } = isolated({ write: swallow });
    const broken = (async function* () {
      yield await Promise.resolve(ABC);
      throw new Error('the client is gone');
    })();
    await expect(data.write(KEY, broken)).rejects.toThrow('the client is gone');
    expect(faults).toEqual([]);
  });

  it('has not written an object before its bytes have ended', async () => {
    const { data, faults } = isolated({ write: () => Promise.resolve() });
    await expect(data.write(KEY, chunksOf(ABC))).rejects.toMatchObject(UNAVAILABLE);
    expect(faults).toHaveLength(1);
  });

  it.each(['ab', 'abcd'])('breaks off a read of %s for abc', async (text) => {
    const { data, faults } = isolated({ read: () => Promise.resolve(chunksOf(Buffer.from(text))) });
    await expect(textOf(await data.read(KEY, WHOLE))).rejects.toMatchObject(UNAVAILABLE);
    expect(faults).toHaveLength(1);
  });
});

describe('checkImageData', () => {
  it('accepts a store that does what its contract says', async () => {
    await checkImageData(pluginOf(() => new MemoryStore()));
  });

  it.each<[string, Partial<ImageData>, RegExp]>([
    ['loses bytes', { read: () => Promise.resolve(chunksOf(ABC)) }, /other bytes than were written/],
    ['keeps what is deleted', { delete: () => Promise.resolve() }, /a deletion: list has/],
    ['has no marker', { readMarker: () => Promise.resolve(undefined) }, /the marker of a store that has one/],
  ])('names what is wrong with one that %s', async (_, changes, problem) => {
    const checked = checkImageData(pluginOf(() => Object.assign(new MemoryStore(), changes)));
    await expect(checked).rejects.toThrow(ConformanceError);
    await expect(checked).rejects.toThrow(problem);
  });
});
