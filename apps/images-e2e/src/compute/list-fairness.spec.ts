import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { createCatalogue, settingsOf } from '../harness/catalogue.js';
import { request } from '../harness/coherence.js';
import { databaseUrl } from '../harness/databases.js';
import { startService, type Service } from '../harness/service.js';

const [GREEDY, OTHER] = ['a'.repeat(32), 'b'.repeat(32)];
/** Three quarters of it are for lists, and half of these for those of one project. */
const POOL = 8;
const PART_OF_PROJECT = 3;
/** More than the pool has connections. */
const LISTS = 20;
/** Requests that waited for longer could time out before the test has seen all of them wait. */
const IN_TIME_MS = 1_500;
const ATTEMPTS = 20;

/** One for each attempt, because only images that are not cached are read from the database. */
const IMAGES = Array.from({ length: ATTEMPTS }, (_, n) => ({
  id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
  name: `image ${n}`,
  status: 'active',
  visibility: 'private',
  owner: OTHER,
  created_at: '2026-01-01T00:00:00Z',
}));

let service: Service;
/** Each has one connection: what a transaction reads of the others is not current. */
let locker: pg.Client;
let observer: pg.Client;
beforeAll(async () => {
  const database = await createCatalogue({ images: IMAGES });
  const people = {
    greedy: { project_id: GREEDY, roles: ['member'] },
    other: { project_id: OTHER, roles: ['member'] },
  };
  service = await startService(database, { ...settingsOf(people), GLIMPSE_DATABASE_POOL: String(POOL) });
  [locker, observer] = [1, 2].map(() => new pg.Client({ connectionString: databaseUrl(database) })) as [
    pg.Client,
    pg.Client,
  ];
  await Promise.all([locker.connect(), observer.connect()]);
}, 60_000);
afterAll(async () => {
  await Promise.all([locker?.end(), observer?.end()]);
  await service?.stop();
});

const get = async (token: string, path: string): Promise<number> =>
  (await request(service.url, `/v2.1/images${path}`, { headers: { 'x-auth-token': token } })).status;

/** How many connections of the service wait for a lock. */
async function waiting(): Promise<number> {
  const { rows } = await observer.query<{ count: number }>(
    `SELECT count(*)::int AS count FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'glimpse' AND wait_event_type = 'Lock'`,
  );
  return rows[0]!.count;
}

/** How many connections wait with each further request, or undefined where the machine was too slow to tell. */
async function tryAttempt(attempt: number): Promise<number[] | undefined> {
  const seen: number[] = [];
  const responses: Promise<number>[] = [];
  const from = performance.now();
  await locker.query('BEGIN; LOCK TABLE images IN ACCESS EXCLUSIVE MODE');
  try {
    const see = async (count: number): Promise<void> => {
      await until(async () => (await waiting()) >= count, IN_TIME_MS);
      // One more response shows that the requests from before have been read.
      await get('other', '/none');
      seen.push(await waiting());
    };
    for (let n = 1; n <= LISTS; n++) responses.push(get('greedy', `?limit=${n}&attempt=${attempt}`));
    await see(PART_OF_PROJECT);
    responses.push(get('other', `?limit=1&attempt=${attempt}`));
    await see(PART_OF_PROJECT + 1);
    responses.push(get('other', `/${IMAGES[attempt]!.id}`));
    await see(PART_OF_PROJECT + 2);
  } catch {
    seen.length = 0;
  } finally {
    await locker.query('ROLLBACK');
  }
  const took = performance.now() - from;
  const statuses = await Promise.all(responses);
  // One that waited too long for a connection is 503.
  const isSlow = took > IN_TIME_MS || seen.length === 0 || statuses.some((status) => status !== 200);
  return isSlow ? undefined : seen;
}

describe('the lists of one project, however many are requested,', () => {
  it('have a part of the connections to the database, and leave the others to lists and images of other projects', async () => {
    let seen: number[] | undefined;
    for (let attempt = 0; attempt < ATTEMPTS && !seen; attempt++) seen = await tryAttempt(attempt);
    expect(seen).toEqual([PART_OF_PROJECT, PART_OF_PROJECT + 1, PART_OF_PROJECT + 2]);
  }, 120_000);
});
