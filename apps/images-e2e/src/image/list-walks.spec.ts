import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { Loop, request } from '../harness/coherence.js';
import { amount } from '../harness/long.js';
import { randomNumbers } from '../harness/random-numbers.js';
import { startService, type Service } from '../harness/service.js';

const OWNER = 'a'.repeat(32);
const PEOPLE: Record<string, Person> = {
  owner: { project_id: OWNER, roles: ['member'] },
  other: { project_id: 'b'.repeat(32), roles: ['member'] },
  admin: { project_id: 'd'.repeat(32), roles: ['admin'] },
};
/** All from the first to the last page. */
const WALKS = amount(4, 400);

/** An image that exists throughout: only the order of the last ones changes. */
const KEPT = Array.from({ length: 90 }, (_, n) => ({
  id: `10000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  name: `image ${(n * 37) % 90}`,
  status: 'active',
  visibility: n % 3 === 0 ? 'public' : 'private',
  owner: OWNER,
  disk_format: ['raw', 'qcow2', 'iso'][n % 3],
  container_format: 'bare',
  // Ties, which the id breaks.
  created_at: new Date(Date.UTC(2020, 0, 1, 0, n % 20)).toISOString(),
}));
const RENAMED = new Set(KEPT.slice(-5).map(({ id }) => id));

let services: readonly [Service, Service];
beforeAll(async () => {
  const database = await createCatalogue({ images: KEPT });
  const settings = { ...settingsOf(PEOPLE), GLIMPSE_IMAGE_PORT: '0' };
  services = [await startService(database, settings), await startService(database, settings)];
}, 120_000);
afterAll(() => Promise.all(services.map((service) => service.stop())));

const random = randomNumbers(20_261_130);

async function change(method: string, path: string, body?: unknown): Promise<void> {
  const init = {
    method,
    headers: {
      'x-auth-token': 'owner',
      'content-type':
        method === 'PATCH' ? 'application/openstack-images-v2.1-json-patch' : 'application/json',
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  };
  const { status } = await request(`${services[random(2)]!.imageUrl}/v2/images`, path, init);
  expect([200, 201, 204, 503]).toContain(status);
}

/** Changes that leave each walk its images, and move others before and behind its place. */
const changing = (): Loop[] => {
  const created: string[] = [];
  return [
    new Loop(async () => {
      const id = randomUUID();
      await change('POST', '', {
        id,
        name: `image ${random(90)}`,
        disk_format: 'raw',
        container_format: 'bare',
      });
      created.push(id);
      if (created.length > 15) await change('DELETE', `/${created.splice(random(created.length), 1)[0]!}`);
      await sleep(10);
    }),
    new Loop(async () => {
      const id = [...RENAMED][random(RENAMED.size)]!;
      await change('PATCH', `/${id}`, [{ op: 'replace', path: '/name', value: `image ${random(90)}` }]);
      await sleep(10);
    }),
    new Loop(async () => {
      const { id } = KEPT[random(KEPT.length)]!;
      await change('PATCH', `/${id}`, [{ op: 'add', path: '/moment', value: `${random(1_000)}` }]);
      await sleep(10);
    }),
  ];
};

interface List {
  readonly images: readonly { readonly id: string }[];
  readonly next?: string;
  readonly images_links?: readonly { readonly href: string }[];
}

/** The ids of each page, from the first one to the last. */
async function pagesOf(person: string, first: string): Promise<string[][]> {
  const pages: string[][] = [];
  for (let target: string | undefined = first; target !== undefined;) {
    const { url, imageUrl } = services[random(2)]!;
    const base: string = target.startsWith('/v2/') ? imageUrl : url;
    const { status, text } = await request(base, target, { headers: { 'x-auth-token': person } });
    if (status === 503) continue;
    expect(`${status} ${status === 200 ? '' : text}`).toBe('200 ');
    const list = JSON.parse(text) as List;
    pages.push(list.images.map(({ id }) => id));
    const link: string | undefined = list.next ?? list.images_links?.[0]?.href;
    const next: URL | undefined = link === undefined ? undefined : new URL(link, base);
    target = next && next.pathname + next.search;
  }
  return pages;
}

const isSeen = (person: string, { visibility }: (typeof KEPT)[number]): boolean =>
  person !== 'other' || visibility === 'public';

/** Lists from the first page, and whether images move in their order. */
const LISTS: Readonly<Record<string, 'stay' | 'move'>> = {
  '/v2/images?limit=7': 'stay',
  '/v2/images?limit=9&visibility=all': 'stay',
  '/v2/images?limit=8&sort=created_at:asc': 'stay',
  '/v2/images?limit=8&sort=disk_format:desc': 'stay',
  '/v2/images?limit=8&sort=name:asc': 'move',
  '/v2.1/images?limit=7': 'stay',
  '/v2.1/images/detail?limit=6': 'stay',
};

describe('during changes the pages that next links to show', () => {
  let changes: Loop[] = [];
  beforeAll(() => void (changes = changing()));
  afterAll(() => Promise.all(changes.map((loop) => loop.stop())), 30_000);

  it.each(Object.entries(LISTS))(
    'every image that exists throughout once: %s, whose images %s',
    async (first, order) => {
      for (let whole = 0; whole < WALKS;) {
        const person = Object.keys(PEOPLE)[random(3)]!;
        const pages = await pagesOf(person, first);
        // The page after an image begins where that image is by then.
        const markers = pages.slice(0, -1).map((page) => page.at(-1)!);
        if (order === 'move' && markers.some((id) => RENAMED.has(id))) continue;
        whole++;
        const seen = pages.flat();
        const wanted = KEPT.filter((image) => isSeen(person, image))
          .map(({ id }) => id)
          .filter((id) => order === 'stay' || !RENAMED.has(id));
        const shown = seen.filter((id) => wanted.includes(id));
        expect([...shown].sort()).toEqual(wanted.sort());
        if (order === 'stay') expect(new Set(seen).size).toBe(seen.length);
      }
    },
    amount(120_000, 1_200_000),
  );
});
