import type { ImageName, PageDocument } from '@glimpse/domain';
import type { NextLink } from '@glimpse/links';
import type { Page } from '../../access/image-lists.js';
import { composePage } from '../../http/compose-page.js';

/**
 * Composes the document of a page of a list. A page that ended before the image that would make it too large has a link
 * to the next page, like a full one.
 *
 * @param entryOf composes the document of an image
 * @param linkAfter builds the link to the page after a marker
 */
export function pageDocument<T extends ImageName>(
  { images, next }: Pick<Page<T>, 'images' | 'next'>,
  entryOf: (image: T) => object,
  linkAfter: (marker: string) => NextLink,
): Promise<PageDocument> {
  const restOf = (endedAfter: T | undefined): string => {
    const marker = endedAfter?.shownId ?? next;
    return marker === undefined ? ']}' : `],"images_links":[${JSON.stringify(linkAfter(marker))}]}`;
  };
  return composePage(images, (image) => JSON.stringify(entryOf(image)), restOf);
}
