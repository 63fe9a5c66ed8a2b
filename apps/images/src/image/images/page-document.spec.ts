import { imageOf } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import { pageDocument } from './page-document.js';

const LIMIT = 4 * 2 ** 20;
const ID = '70a599e0-31e7-49b7-b260-868f441e862b';
const IMAGES = [imageOf({ name: 'é ☃ "' }), imageOf({ id: ID })];

async function documentOf(query: string, next?: string, images = IMAGES): Promise<Record<string, unknown>> {
  const page = { images, next };
  const { bytes } = await pageDocument(page, new URLSearchParams(query), ({ name }) =>
    JSON.stringify({ name }),
  );
  return JSON.parse(Buffer.from(bytes as string, 'latin1').toString()) as Record<string, unknown>;
}

describe('the document of a page', () => {
  it('has its images, a link to the first page, and one to the next page when there is one', async () => {
    const images = IMAGES.map(({ name }) => ({ name }));
    expect(await documentOf('')).toEqual({ images, first: '/v2/images', schema: '/v2/schemas/images' });
    expect(await documentOf('', ID)).toMatchObject({ next: `/v2/images?marker=${ID}` });
    expect(await documentOf('limit=0', undefined, [])).toEqual({
      images: [],
      first: '/v2/images?limit=0',
      schema: '/v2/schemas/images',
    });
  });

  it.each([
    [`marker=x&limit=2`, 'limit=2'],
    ['tag=a&tag=b%20c&marker=x&sort_key=name&sort_key=size', 'tag=a&tag=b+c&sort_key=name&sort_key=size'],
    ['name=in:"a,b"&=%26&%C3%A9=', 'name=in%3A%22a%2Cb%22&=%26&%C3%A9='],
  ])('keeps all parameters of ?%s but the marker', async (query, kept) => {
    expect(await documentOf(query, ID)).toMatchObject({
      first: `/v2/images?${kept}`,
      next: `/v2/images?${kept}&marker=${ID}`,
    });
  });

  it('ends before the image that would exceed 4 MiB, with a link to the rest', async () => {
    const images = ['a', 'b', 'c'].map((name) => imageOf({ id: name, name: name.repeat(LIMIT / 2 - 100) }));
    const document = await documentOf('', undefined, images);
    expect(document['images']).toHaveLength(2);
    expect(document['next']).toBe('/v2/images?marker=b');
  });
});
