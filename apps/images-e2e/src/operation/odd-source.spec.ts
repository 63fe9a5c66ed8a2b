import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { FakeGlance, ODDITIES, type GlanceBehaviour } from '@glimpse/glance/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { startFollower, type FollowerProcess } from '../harness/follower.js';
import { openGlance } from '../harness/open-glance.js';
import { IDENTITIES, newFolder, startBareService, type Service } from '../harness/service.js';

const DEMO = IDENTITIES['demo']!.project_id;
const PASSWORD = 'a password';
const ODD = '22222222-0000-4000-8000-000000000001';
const OTHER = '22222222-0000-4000-8000-000000000002';
/** For how long a change at Glance may take to be listed, in milliseconds. */
const SHOWN_WITHIN = 30_000;

let glance: FakeGlance;
let front: Server;
let keystone: FakeKeystone;
let token: string;
let database: string;
let follower: FollowerProcess;
let service: Service;

/** Creates a private image at Glance, or changes it now. */
function put(id: string, attributes: object = {}): void {
  const times = {
    created_at: '2026-01-01T00:00:00Z',
    updated_at: `${new Date().toISOString().slice(0, 19)}Z`,
  };
  glance.add({ id, owner: DEMO, visibility: 'private', ...times, ...attributes });
}

const get = (path: string): Promise<Response> =>
  fetch(`${service.url}/v2.1/images${path}`, { headers: { 'x-auth-token': token } });

/** The name of each image in the list, by id; empty where there is no list. */
async function names(): Promise<Record<string, string>> {
  const { images = [] } = (await (await get('')).json()) as { images?: { id: string; name: string }[] };
  return Object.fromEntries(images.map(({ id, name }) => [id, name]));
}

/** Renames the other image, and waits until the list has the name and what else is expected of it. */
async function showsChanges(name: string, expected: (list: object) => boolean = () => true): Promise<void> {
  put(OTHER, { name });
  await until(async () => {
    const list = await names();
    return list[OTHER] === name && expected(list);
  }, SHOWN_WITHIN);
}

const hasOdd = (list: object): boolean => ODD in list;

interface Line {
  readonly event: string;
  readonly problem?: string;
  readonly reason?: string;
}

/** The lines of the follower's log with an event. */
const lines = (event: string): Line[] =>
  follower
    .log()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
    .filter((line) => line.event === event);

/** Expects lines about images that were left out, none of them twice. */
async function isNamed(problem: RegExp): Promise<void> {
  const found = (): string[] =>
    lines('source-image-bad').flatMap((line) => (problem.test(line.problem!) ? [line.problem!] : []));
  await until(() => found().length > 0, SHOWN_WITHIN);
  expect(found()).toEqual([...new Set(found())]);
}

/** Waits until the follower has requested so many pages of what has changed. */
async function pagesRead(count: number): Promise<void> {
  const read = (): number => glance.calls.filter(({ path }) => path.includes('updated_at=gte')).length;
  const before = read();
  await until(() => read() >= before + count, SHOWN_WITHIN);
}

beforeAll(async () => {
  glance = await FakeGlance.start();
  put(ODD);
  put(OTHER);
  glance.behave(ODDITIES.listLoop());
  front = openGlance(glance).listen(0, '127.0.0.1');
  await once(front, 'listening');
  keystone = await FakeKeystone.start({
    imageUrl: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
  });
  keystone.addUser({ name: 'glimpse', password: PASSWORD, roles: ['service', 'admin'] });
  const scope = { kind: 'project', id: DEMO, name: 'demo' } as const;
  token = keystone.issue({ userName: 'demo', scope, roles: ['member', 'reader'] });
  database = await createDatabase('migrated');
  const settings = {
    DATABASE_URL: databaseUrl(database),
    GLIMPSE_DATA_DIR: newFolder(),
    GLIMPSE_SOURCE: 'glance',
    GLIMPSE_SOURCE_INTERVAL: '1',
    // Changes are shown by incremental syncs alone.
    GLIMPSE_SOURCE_ROUND: '3600',
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: 'glimpse',
    OS_PASSWORD: PASSWORD,
    OS_PROJECT_NAME: 'service',
  };
  [follower, service] = await Promise.all([startFollower(settings), startBareService(settings)]);
  await until(async () => (await fetch(`${service.url}/readyz`)).ok, 60_000);
}, 120_000);
afterAll(async () => {
  await Promise.all([service?.stop(), follower?.stop()]);
  await Promise.all([keystone?.close(), glance?.close()]);
  front?.close();
}, 60_000);

describe('beside a Glance', () => {
  afterEach(() => glance.behave('well'));

  it('whose list goes round in a loop from the start, there is no list until all of it is read', async () => {
    const reason = 'its list of images does not advance: a page leads back to one before';
    await until(() => lines('source-unavailable').some((line) => line.reason === reason), SHOWN_WITHIN);
    await pagesRead(4);
    expect((await get('')).status).toBe(503);
    glance.behave('well');
    await until(async () => hasOdd(await names()), SHOWN_WITHIN);
  }, 90_000);

  it.each<[string, GlanceBehaviour, RegExp]>([
    ['a name that is nested deep', ODDITIES.deepName(ODD, 200_000), /name is \[/],
    ['a name with U+0000', ODDITIES.attribute(ODD, 'name', 'a\0'), /name is "a\\u0000"/],
    ['a name that is an object', ODDITIES.attribute(ODD, 'name', { toString: 1 }), /name is \{/],
    ['a time that is none', ODDITIES.attribute(ODD, 'updated_at', '2026-02-30T00:00:00Z'), /updated_at is/],
    ['no time of creation', ODDITIES.attribute(ODD, 'created_at', undefined), /created_at is missing/],
    ['no owner', ODDITIES.attribute(ODD, 'owner', undefined), /owner is missing/],
  ])(
    'that lists an image with %s, it is left out and named once, until it is in order',
    async (what, oddity, problem) => {
      glance.behave(oddity);
      put(ODD);
      await showsChanges(`beside ${what}`, (list) => !hasOdd(list));
      await isNamed(new RegExp(`^image "${ODD}": .*${problem.source}`));
      glance.behave('well');
      put(ODD);
      await until(async () => hasOdd(await names()), SHOWN_WITHIN);
    },
    120_000,
  );

  it('that has a name nested deep, the image is 503 by its id', async () => {
    glance.behave(ODDITIES.deepName(ODD, 200_000));
    put(ODD);
    await until(async () => (await get(`/${ODD}`)).status === 503, SHOWN_WITHIN);
    glance.behave('well');
    await until(async () => (await get(`/${ODD}`)).status === 200, SHOWN_WITHIN);
  }, 90_000);

  it.each<[string, GlanceBehaviour, RegExp]>([
    ['null beside its images', ODDITIES.element(null), /^image null: the document is null/],
    ['text beside its images', ODDITIES.element('image'), /^image null: the document is "image"/],
    ['an image twice', ODDITIES.repeatedImage, /^image \S+: a page has it more than once/],
  ])(
    'that lists %s, all images are shown and it is named once',
    async (what, oddity, problem) => {
      glance.behave(oddity);
      await showsChanges(`beside ${what}`, hasOdd);
      await isNamed(problem);
    },
    90_000,
  );

  it('whose image was changed at a time that is to come, later changes of others are shown', async () => {
    put(ODD, { name: 'ahead', updated_at: '2099-01-01T00:00:00Z' });
    await until(async () => (await names())[ODD] === 'ahead', SHOWN_WITHIN);
    for (const name of ['first', 'second']) await showsChanges(name, hasOdd);
  }, 120_000);

  it.each<[string, GlanceBehaviour, arePagesRead: boolean]>([
    ['goes round in a loop', ODDITIES.listLoop(), true],
    ['has a next page without a path', ODDITIES.next(7), false],
  ])(
    'whose list %s, images are served and become stale',
    async (what, oddity, arePagesRead) => {
      glance.behave(oddity);
      if (arePagesRead) await showsChanges(what, hasOdd);
      await pagesRead(3);
      await query(database, `UPDATE follower SET looked_at = clock_timestamp() - interval '100 s'`);
      await until(async () => (await get('')).status === 203, SHOWN_WITHIN);
      await pagesRead(4);
      const response = await get('');
      expect(response.status).toBe(203);
      expect(Number(response.headers.get('age'))).toBeGreaterThanOrEqual(100);
      expect(Object.keys(await names()).sort()).toEqual([ODD, OTHER]);
      glance.behave('well');
      await until(async () => (await get('')).status === 200, SHOWN_WITHIN);
    },
    120_000,
  );

  it('that was odd in each of these ways, neither process has ended or failed unexpectedly', async () => {
    expect(lines('follower-failed')).toEqual([]);
    expect(service.log()).not.toContain('"event":"request-failed"');
    expect(await Promise.all([follower.stop(), service.stop()])).toEqual([0, 0]);
  }, 60_000);
});
