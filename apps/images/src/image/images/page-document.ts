import type { ImageName, PageDocument } from '@glimpse/domain';
import type { Page } from '../../access/image-lists.js';
import { composePage } from '../../http/compose-page.js';

/**
 * Composes the document of a page of a list. Its links are relative; they keep the parameters of the request, repeated
 * ones too.
 *
 * @param parameters those of the request
 * @param entryOf composes the JSON of an image
 */
export function pageDocument<T extends ImageName>(
  { images, next }: Pick<Page<T>, 'images' | 'next'>,
  parameters: URLSearchParams,
  entryOf: (image: T) => string,
): Promise<PageDocument> {
  const restOf = (endedAfter: T | undefined): string => {
    const marker = endedAfter?.shownId ?? next;
    const links = {
      first: pageLink(parameters),
      schema: '/v2/schemas/images',
      ...(marker !== undefined && { next: pageLink(parameters, marker) }),
    };
    return `],${JSON.stringify(links).slice(1)}`;
  };
  return composePage(images, entryOf, restOf);
}

function pageLink(parameters: URLSearchParams, marker?: string): string {
  const kept = new URLSearchParams(parameters);
  kept.delete('marker');
  if (marker !== undefined) kept.append('marker', marker);
  return kept.size === 0 ? '/v2/images' : `/v2/images?${kept.toString()}`;
}
