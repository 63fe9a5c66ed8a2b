import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf, type Person } from '../harness/catalogue.js';
import { request } from '../harness/coherence.js';
import { amount } from '../harness/long.js';
import { startService, type Service } from '../harness/service.js';

const [GREEDY, OTHER] = ['a'.repeat(32), 'b'.repeat(32)];
const PEOPLE: Record<string, Person> = {
  greedy: { project_id: GREEDY, roles: ['member'] },
  other: { project_id: OTHER, roles: ['member'] },
};
const COUNT = 100;
/** The cache of pages has half of it: far fewer bytes than the pages of all limits and markers. */
const CACHE_MIB = 1;
/** What a project has of that. */
const SHARE_BYTES = (CACHE_MIB * 2 ** 20) / 2 / 8;
const ROUNDS = amount(8, 80);
/** Requests of the greedy caller before each round of the other one. */
const SCANNED = 50;

const imagesOf = (owner: string): { id: string }[] =>
  Array.from({ length: COUNT }, (_, n) => ({
    id: `${owner.slice(0, 8)}-0000-4000-8000-${String(n).padStart(12, '0')}`,
    name: `image ${n}`,
    status: 'active',
    visibility: 'private',
    owner,
    created_at: new Date(Date.UTC(2020, 0, 1, 0, n)).toISOString(),
    note: 'x'.repeat(200),
  }));
const IMAGES = imagesOf(GREEDY);

/** What the other caller lists again and again: some 40 KiB. */
const LISTS = [
  ...['limit=5', 'limit=7&sort=name:asc', 'visibility=private&limit=6'].map((query) => `/v2/images?${query}`),
  ...['?limit=20', '/detail?limit=5', '?name=image%203'].map((query) => `/v2.1/images${query}`),
];

let service: Service;
beforeAll(async () => {
  const database = await createCatalogue({ images: [...IMAGES, ...imagesOf(OTHER)] });
  service = await startService(database, {
    ...settingsOf(PEOPLE),
    GLIMPSE_IMAGE_PORT: '0',
    GLIMPSE_CACHE_SIZE: String(CACHE_MIB),
  });
}, 60_000);
afterAll(() => service.stop());

async function list(person: string, target: string): Promise<void> {
  const base = target.startsWith('/v2/') ? service.imageUrl : service.url;
  const { status } = await request(base, target, { headers: { 'x-auth-token': person } });
  expect(status).toBe(200);
}

interface Metrics {
  readonly hits: number;
  readonly requests: number;
  readonly bytes: number;
}

async function metrics(): Promise<Metrics> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  const values = [...text.matchAll(/^glimpse_list_reads_total\{outcome="(\w+)"[^}]*\} (\d+)/gm)];
  const bytes = /^glimpse_cache_bytes\{kind="pages"[^}]*\} (\d+)/m.exec(text)![1];
  return {
    hits: Number(values.find(([, outcome]) => outcome === 'hit')![2]),
    requests: values.reduce((sum, [, , value]) => sum + Number(value), 0),
    bytes: Number(bytes),
  };
}

/** The part of what the other caller lists that comes from memory. */
async function hitRate(): Promise<number> {
  const before = await metrics();
  for (const target of LISTS) await list('other', target);
  const after = await metrics();
  expect(after.requests - before.requests).toBe(LISTS.length);
  return (after.hits - before.hits) / LISTS.length;
}

let scanned = 0;

/** Lists with limits and markers that were not tried yet, each twice, and changes of the caller's own images. */
async function scan(): Promise<void> {
  for (let n = 0; n < SCANNED; n++, scanned++) {
    const [limit, turn] = [1 + (scanned % COUNT), Math.floor(scanned / COUNT)];
    const marker = IMAGES[(scanned * 7 + turn) % COUNT]!.id;
    const path = scanned % 2 === 0 ? '/v2/images' : '/v2.1/images/detail';
    for (const _ of [1, 2]) await list('greedy', `${path}?limit=${limit}&marker=${marker}`);
  }
  const init = {
    method: 'PUT',
    headers: { 'x-auth-token': 'greedy' },
    body: JSON.stringify({ meta: { note: String(scanned) } }),
  };
  expect((await request(service.url, `/v2.1/images/${IMAGES[0]!.id}/metadata/note`, init)).status).toBe(200);
}

describe('a caller that lists with all limits and markers, and changes its images', () => {
  it(
    'lowers the hit rate of another one by no more than a tenth',
    async () => {
      for (const _ of [1, 2]) await hitRate();
      const alone = await hitRate();
      expect(alone).toBeGreaterThan(0.9);
      const rates: number[] = [];
      let bytes = 0;
      for (let round = 0; round < ROUNDS; round++) {
        await scan();
        bytes = Math.max(bytes, (await metrics()).bytes);
        rates.push(await hitRate());
      }
      // Its pages are kept, too, up to its share.
      expect(bytes).toBeGreaterThan(SHARE_BYTES);
      expect(bytes).toBeLessThan(2 * SHARE_BYTES);
      // The database may be slow to confirm pages in some rounds.
      const median = rates.sort((one, other) => one - other)[Math.floor(ROUNDS / 2)];
      expect(median).toBeGreaterThanOrEqual(alone - 0.1);
    },
    amount(120_000, 600_000),
  );
});
