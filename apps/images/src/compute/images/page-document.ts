import type { ImageName } from '@glimpse/domain';
import type { NextLink } from '@glimpse/links';
import type { Page } from '../../access/image-access.js';

/** The most bytes of a list's document; it has at least one image, however large that is. */
const MAX_PAGE_BYTES = 4 * 2 ** 20;

/**
 * Composes the document of a page of a list. It ends before the image that would make it too large, and then has a
 * link to the next page, like a full one.
 *
 * @param entryOf composes the document of an image
 * @param linkAfter builds the link to the page after a marker
 */
export function pageDocument<T extends ImageName>(
  { images, next }: Pick<Page<T>, 'images' | 'next'>,
  entryOf: (image: T) => object,
  linkAfter: (marker: string) => NextLink,
): Buffer {
  const entries: string[] = [];
  let bytes = 0;
  let marker = next;
  for (const image of images) {
    const entry = JSON.stringify(entryOf(image));
    bytes += Buffer.byteLength(entry) + 1;
    if (entries.length > 0 && bytes > MAX_PAGE_BYTES) {
      marker = images[entries.length - 1]!.id;
      break;
    }
    entries.push(entry);
  }
  const links = marker === undefined ? '' : `,"images_links":[${JSON.stringify(linkAfter(marker))}]`;
  return Buffer.from(`{"images":[${entries.join(',')}]${links}}`);
}
