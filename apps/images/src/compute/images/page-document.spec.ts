import type { ImageName } from '@glimpse/domain';
import type { NextLink } from '@glimpse/links';
import { describe, expect, it } from '@jest/globals';
import { pageDocument } from './page-document.js';

const LIMIT = 4 * 2 ** 20;
const linkAfter = (marker: string): NextLink => ({ rel: 'next', href: `http://c/images?marker=${marker}` });
const named = (...names: string[]): ImageName[] =>
  names.map((name, n) => ({ id: `${n}`, shownId: `${n}`, name }));

async function documentOf(
  images: ImageName[],
  next?: string,
): Promise<{ images: object[]; images_links?: NextLink[] }> {
  const { bytes } = await pageDocument({ images, next }, (image) => ({ ...image }), linkAfter);
  return JSON.parse(Buffer.from(bytes as string, 'latin1').toString()) as { images: object[] };
}

describe('the document of a page', () => {
  it('has its images, and a link to the next page when there is one', async () => {
    const images = named('a', 'é ☃ "');
    expect(await documentOf(images)).toEqual({ images });
    expect(await documentOf(images, '1')).toEqual({ images, images_links: [linkAfter('1')] });
    expect(await documentOf([], 'x')).toEqual({ images: [], images_links: [linkAfter('x')] });
  });

  it('ends before the image that would exceed 4 MiB, and links to the rest', async () => {
    // A character of these names takes three bytes, or six where JSON escapes it.
    const images = named(...Array.from({ length: 10 }, (_, n) => (n % 2 ? '☃' : '\u0001').repeat(150_000)));
    const { bytes } = await pageDocument({ images, next: undefined }, (image) => ({ ...image }), linkAfter);
    expect(bytes.length).toBeLessThanOrEqual(LIMIT + 100);
    expect(await documentOf(images)).toEqual({ images: images.slice(0, 6), images_links: [linkAfter('5')] });
  });

  it('has one image, however large that is', async () => {
    const images = named('x'.repeat(LIMIT), 'y');
    expect(await documentOf(images)).toEqual({ images: images.slice(0, 1), images_links: [linkAfter('0')] });
    expect(await documentOf(images.slice(0, 1))).toEqual({ images: images.slice(0, 1) });
  });
});
