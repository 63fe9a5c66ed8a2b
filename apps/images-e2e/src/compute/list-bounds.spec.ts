import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf } from '../harness/catalogue.js';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { databaseUrl } from '../harness/databases.js';
import { startService, type Service } from '../harness/service.js';

const PROJECT = 'a'.repeat(32);
const LIMIT = 4 * 2 ** 20;
const COUNT = 300;

/** Images with as many items of metadata as an image may have: 34 kB each. */
const IMAGES = Array.from({ length: COUNT }, (_, n) => ({
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  name: `image ${n}`,
  status: 'active',
  visibility: 'private',
  owner: PROJECT,
  created_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
  updated_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
  ...Object.fromEntries(Array.from({ length: 128 }, (_, key) => [`key ${key}`, String(n % 10).repeat(255)])),
}));
const NEWEST_FIRST = IMAGES.map(({ id }) => id).reverse();

interface List {
  images: { id: string }[];
  images_links?: { href: string }[];
}

let proxy: DatabaseProxy;
let service: Service;
beforeAll(async () => {
  const database = await createCatalogue({ images: IMAGES });
  proxy = await DatabaseProxy.to(databaseUrl(database));
  service = await startService(database, {
    ...settingsOf({ owner: { project_id: PROJECT, roles: ['member'] } }),
    DATABASE_URL: proxy.url,
  });
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await proxy?.close();
});

async function list(url: string): Promise<{ status: number; text: string; body: List }> {
  const response = await fetch(url, { headers: { 'x-auth-token': 'owner' } });
  const text = await response.text();
  return { status: response.status, text, body: JSON.parse(text) as List };
}

describe('a page of a list', () => {
  it('ends at 4 MiB and links to the rest, so that every image is shown once', async () => {
    const seen: string[] = [];
    let pages = 0;
    for (let url: string | undefined = `${service.url}/v2.1/images/detail`; url !== undefined; pages++) {
      const { status, text, body } = await list(url);
      expect(status).toBe(200);
      expect(Buffer.byteLength(text)).toBeLessThan(LIMIT + 1_000);
      seen.push(...body.images.map(({ id }) => id));
      url = body.images_links?.[0]?.href;
    }
    expect(seen).toEqual(NEWEST_FIRST);
    expect(pages).toBe(3);
  });

  it('holds its full number of images where it only names them, and reads no more of them', async () => {
    const before = proxy.bytesFromDatabase;
    const { body } = await list(`${service.url}/v2.1/images`);
    expect(body.images.map(({ id }) => id)).toEqual(NEWEST_FIRST);
    expect(body).not.toHaveProperty('images_links');
    // All of the images are 10 MB.
    expect(proxy.bytesFromDatabase - before).toBeLessThan(2 ** 20);
  });
});

describe('the filters of a list', () => {
  const filters = (count: number, value = '1'.repeat(255)): string =>
    Array.from({ length: count }, (_, n) => `property-key%20${n}=${value}`).join('&');

  it.each([33, 256])('are refused when there are %i', async (count) => {
    const { status, body } = await list(`${service.url}/v2.1/images?${filters(count, '1')}`);
    const message = `Invalid input received: a list takes at most 32 filters, not ${count}`;
    expect({ status, body }).toEqual({ status: 400, body: { badRequest: { code: 400, message } } });
  });

  it('all apply at their maximum number', async () => {
    const { body } = await list(`${service.url}/v2.1/images?${filters(32)}`);
    expect(body.images.map(({ id }) => id)).toEqual(NEWEST_FIRST.filter((id) => id.endsWith('1')));
    const { body: none } = await list(`${service.url}/v2.1/images?${filters(31)}&property-key%2031=x`);
    expect(none.images).toEqual([]);
  });
});
