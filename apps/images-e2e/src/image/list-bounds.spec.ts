import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf } from '../harness/catalogue.js';
import { startService, type Service } from '../harness/service.js';

const PROJECT = 'a'.repeat(32);
const LIMIT = 4 * 2 ** 20;
const COUNT = 160;

/** Images with as many properties as an image may have: 34 kB each. Their ids have capitals. */
const IMAGES = Array.from({ length: COUNT }, (_, n) => ({
  id: `AAAAAAAA-0000-4000-8000-${String(n).padStart(12, '0')}`,
  name: `image ${String(n % 7)}`,
  status: 'active',
  visibility: 'private',
  owner: PROJECT,
  created_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
  updated_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
  ...Object.fromEntries(Array.from({ length: 128 }, (_, key) => [`key ${key}`, String(n % 10).repeat(255)])),
}));
const ids = IMAGES.map(({ id }) => id);

interface Page {
  readonly images: readonly { readonly id: string }[];
  readonly next?: string;
}

let service: Service;
beforeAll(async () => {
  const database = await createCatalogue({ images: IMAGES });
  const owner = { project_id: PROJECT, roles: ['member'] };
  service = await startService(database, { ...settingsOf({ owner }), GLIMPSE_IMAGE_PORT: '0' });
}, 60_000);
afterAll(() => service.stop());

/** The pages of a list, one after another by `next`. */
async function pagesOf(query: string): Promise<Page[]> {
  const pages: Page[] = [];
  for (let path: string | undefined = `/v2/images?${query}`; path !== undefined; path = pages.at(-1)!.next) {
    const response = await fetch(service.imageUrl + path, { headers: { 'x-auth-token': 'owner' } });
    const text = await response.text();
    expect(response.status).toBe(200);
    expect(Buffer.byteLength(text)).toBeLessThan(LIMIT + 1_000);
    pages.push(JSON.parse(text) as Page);
  }
  return pages;
}

describe('a page of a list of the Image API', () => {
  it.each(['limit=1000', 'limit=1000&sort=created_at:desc,id:asc', 'limit=1000&visibility=private'])(
    'ends at 4 MiB, and the pages that next links to show every image once: %s',
    async (query) => {
      const pages = await pagesOf(query);
      expect(pages.flatMap(({ images }) => images.map(({ id }) => id))).toEqual([...ids].reverse());
      expect(pages).toHaveLength(2);
    },
    60_000,
  );

  it('links to the next one by the id as it was written', async () => {
    const [first] = await pagesOf('limit=1000');
    const { searchParams } = new URL(first!.next!, service.imageUrl);
    expect(searchParams.get('marker')).toBe(first!.images.at(-1)!.id);
    expect(searchParams.get('marker')).toMatch(/^AAAAAAAA-/);
  }, 60_000);

  it('that is full links in the same way', async () => {
    const response = await fetch(`${service.imageUrl}/v2/images?limit=1`, {
      headers: { 'x-auth-token': 'owner' },
    });
    const { images, next } = (await response.json()) as Page;
    expect(next).toBe(`/v2/images?limit=1&marker=${images[0]!.id}`);
  });
});
