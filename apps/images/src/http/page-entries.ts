/** The most bytes of a list's document; it has at least one image, however large that is. */
const MAX_PAGE_BYTES = 4 * 2 ** 20;

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
export function pageEntries<T>(images: readonly T[], entryOf: (image: T) => string): PageEntries<T> {
  const entries: string[] = [];
  let bytes = 0;
  for (const [at, image] of images.entries()) {
    const entry = entryOf(image);
    bytes += Buffer.byteLength(entry) + 1;
    if (at > 0 && bytes > MAX_PAGE_BYTES) return { json: entries.join(','), endedAfter: images[at - 1]! };
    entries.push(entry);
  }
  return { json: entries.join(','), endedAfter: undefined };
}
