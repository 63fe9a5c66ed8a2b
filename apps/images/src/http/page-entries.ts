import { setImmediate } from 'node:timers/promises';

/** The most bytes of a list's document; it has at least one image, however large that is. */
const MAX_PAGE_BYTES = 4 * 2 ** 20;

/** Bytes of a document that are composed at a time: then other requests are processed. */
const SLICE_BYTES = 256 * 2 ** 10;

/** The images of a list's document. */
export interface PageEntries<T> {
  /** The entries of a JSON array. */
  readonly json: string;
  /** The last image of a page that ended before the image that would make it too large; undefined for a whole page. */
  readonly endedAfter: T | undefined;
}

/**
 * Composes the entries of a page of a list, up to its maximum size.
 *
 * @param entryOf composes the JSON of an image
 */
export async function pageEntries<T>(
  images: readonly T[],
  entryOf: (image: T) => string,
): Promise<PageEntries<T>> {
  const entries: string[] = [];
  let bytes = 0;
  let sliceEnd = SLICE_BYTES;
  for (const [at, image] of images.entries()) {
    const entry = entryOf(image);
    bytes += Buffer.byteLength(entry) + 1;
    if (at > 0 && bytes > MAX_PAGE_BYTES) return { json: entries.join(','), endedAfter: images[at - 1]! };
    entries.push(entry);
    if (bytes < sliceEnd) continue;
    await setImmediate();
    sliceEnd = bytes + SLICE_BYTES;
  }
  return { json: entries.join(','), endedAfter: undefined };
}
