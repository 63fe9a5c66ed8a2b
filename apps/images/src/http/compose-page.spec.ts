import { describe, expect, it } from '@jest/globals';
import { composePage } from './compose-page.js';
import { entityTagOf } from './image-documents.js';
import { PIECE_BYTES } from './unread-responses.js';

const KIB = 2 ** 10;
const SLICE_BYTES = 128 * KIB;

/** Composes a page of so many images of the same size; `composed` counts those that are composed. */
function page(count: number, imageBytes: number, composed = { count: 0 }): ReturnType<typeof composePage> {
  const images = Array.from({ length: count }, (_, n) => String(n));
  const entryOf = (image: string): string => {
    composed.count++;
    return JSON.stringify(image.padEnd(imageBytes - 2));
  };
  return composePage(images, entryOf, () => ']}');
}

/** Counts what is composed in each iteration of the event loop until pages are complete. */
async function countsOf(composed: { count: number }, pages: Promise<unknown>[]): Promise<number[]> {
  const counts: number[] = [];
  let isComplete = false;
  void Promise.all(pages).then(() => (isComplete = true));
  for (let before = 0; !isComplete; before = composed.count) {
    await new Promise(setImmediate);
    counts.push(composed.count - before);
  }
  return counts;
}

describe('a page', () => {
  it('of many bytes is composed in slices, between which other requests are processed', async () => {
    const composed = { count: 0 };
    const large = page(32, 64 * KIB, composed);
    const perSlice = SLICE_BYTES / (64 * KIB);
    expect(Math.max(...(await countsOf(composed, [large])))).toBeLessThanOrEqual(perSlice);
    const body = (await large).bytes as Buffer;
    expect((JSON.parse(body.toString()) as { images: string[] }).images.map(Number)).toEqual([
      ...Array(32).keys(),
    ]);
    expect((await large).tag).toBe(entityTagOf(body));
  });

  it('has slices of its own, while others are composed', async () => {
    const composed = { count: 0 };
    const pages = [1, 2, 3].map(() => page(32, 64 * KIB, composed));
    const beforeFirst = composed.count;
    const counts = await countsOf(composed, pages);
    expect(beforeFirst + counts.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(96);
    expect(Math.max(...counts.slice(1))).toBeLessThanOrEqual(SLICE_BYTES / (64 * KIB));
  });

  it('of few bytes is composed at once', () => {
    const composed = { count: 0 };
    void page(31, 4 * KIB, composed);
    expect(composed.count).toBe(31);
  });

  it('is text, or a buffer that all its responses share, if it is sent in pieces', async () => {
    const text = await composePage(
      ['é'],
      (image) => JSON.stringify(image),
      () => ']}',
    );
    expect(text.bytes).toBe('{"images":["Ã©"]}');
    expect(text.tag).toBe(entityTagOf(Buffer.from('{"images":["é"]}')));
    expect((await page(1, PIECE_BYTES)).bytes).toBeInstanceOf(Uint8Array);
  });
});
