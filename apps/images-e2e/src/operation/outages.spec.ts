import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settingsOf } from '../harness/catalogue.js';
import { glimpse } from '../harness/command.js';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { sendRaw, type RawResponse } from '../harness/raw-http.js';
import {
  IDENTITIES,
  newFolder,
  startBareService,
  startService,
  tokenOf,
  type Service,
} from '../harness/service.js';

const ITEM = '/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b';
const OWN = '/v2.1/images/22222222-0000-4000-8000-000000000001';
const UNKNOWN = '/v2.1/images/00000000-0000-4000-8000-000000000000';

function send(service: Service, method: string, target: string, body?: string): Promise<RawResponse> {
  return sendRaw(service.url, { method, target, body, headers: { 'x-auth-token': tokenOf('demo') } });
}

interface Probe {
  status: string;
  details: Record<string, { status: string }>;
}

async function probe(service: Service, name: string): Promise<[number, Probe]> {
  const response = await sendRaw(service.url, { target: `/${name}` });
  // Only names and states: no address and no error message.
  expect(
    response.text.replaceAll(
      /"(?:status|details|ok|error|up|down|schema|database|service|store)"|[{}:,]/g,
      '',
    ),
  ).toBe('');
  return [response.status, JSON.parse(response.text) as Probe];
}

const up = { status: 'up' };
const down = { status: 'down' };

async function expectUnavailable(response: Promise<RawResponse>): Promise<void> {
  const { status, headers, text } = await response;
  expect(status).toBe(503);
  expect(JSON.parse(text)).toEqual({
    serviceUnavailable: { code: 503, message: 'The image catalogue is temporarily unavailable.' },
  });
  expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  expect(headers).toMatchObject({
    'content-type': 'application/json; charset=UTF-8',
    'cache-control': 'private, no-cache',
    vary: expect.stringMatching(/X-Auth-Token$/),
    'x-openstack-request-id': expect.stringMatching(/^req-/),
  });
}

/** The routes of images that {@link expectRecovery} has read, so that they are cached. */
const CACHED = [ITEM, OWN, `${OWN}/metadata`, `${OWN}/metadata/k1`];

/** Lists, and an image by the Image API. Each is cached: {@link expectRecovery} has read it twice. */
const TAGGED = [
  '/v2.1/images?limit=2',
  '/v2.1/images/detail?limit=2',
  '/v2/images?limit=2',
  '/v2/images/22222222-0000-4000-8000-000000000001',
];

/** Documents without an entity tag that are cached in the same way: this caller as a member of an image. */
const MEMBERS = ['members', `members/${IDENTITIES['demo']!.project_id}`].map(
  (path) => `/v2/images/11111111-0000-4000-8000-000000000007/${path}`,
);

/** Reads one of these by the API that has it. */
function read(service: Service, target: string, headers: Record<string, string> = {}): Promise<RawResponse> {
  const url = target.startsWith('/v2/') ? service.imageUrl : service.url;
  return sendRaw(url, { target, headers: { 'x-auth-token': tokenOf('demo'), ...headers } });
}

/** Expects a document that is served as stale. */
async function expectStale(response: Promise<RawResponse>, { isTagged = true } = {}): Promise<void> {
  const { status, headers } = await response;
  expect(status).toBe(203);
  expect(headers).toMatchObject({
    age: expect.stringMatching(/^\d+$/),
    ...(isTagged && { etag: expect.stringMatching(/^"/) }),
    'content-type': 'application/json',
    'cache-control': 'private, no-cache',
  });
}

/** Expects that a service without its database reports that, and serves everything that needs none. */
async function expectOutage(service: Service, { cached }: { cached: boolean }): Promise<void> {
  const expectItem = cached ? expectStale : expectUnavailable;
  await Promise.all(CACHED.map((target) => expectItem(send(service, 'GET', target))));
  if (cached) {
    await Promise.all(TAGGED.map((target) => expectStale(read(service, target))));
    await Promise.all(MEMBERS.map((target) => expectStale(read(service, target), { isTagged: false })));
  }
  await Promise.all(
    [
      send(service, 'HEAD', UNKNOWN).then((response) => ({ ...response, text: headText })),
      send(service, 'GET', UNKNOWN),
      send(service, 'GET', '/v2.1/images'),
      send(service, 'GET', '/v2.1/images/detail?limit=1'),
      send(service, 'PUT', `${OWN}/metadata`, '{"metadata": {"lost": "yes"}}'),
      send(service, 'DELETE', `${OWN}/metadata/k1`),
      send(service, 'DELETE', OWN),
    ].map(expectUnavailable),
  );
  expect(await probe(service, 'livez')).toEqual([200, { status: 'ok', details: {} }]);
  expect(await probe(service, 'readyz')).toEqual([
    200,
    { status: 'ok', details: { schema: up, service: up } },
  ]);
  expect(await probe(service, 'healthz')).toEqual([
    503,
    { status: 'error', details: { schema: up, database: down, store: up } },
  ]);
  expect((await send(service, 'GET', '/v2.1/nosuch')).status).toBe(404);
  expect((await send(service, 'PATCH', ITEM)).status).toBe(405);
  expect((await send(service, 'GET', '/v2.1/extensions')).status).toBe(200);
  expect((await sendRaw(service.url, { target: ITEM })).status).toBe(401);
}
/** The body that the response to HEAD does not have. */
const headText = JSON.stringify({
  serviceUnavailable: { code: 503, message: 'The image catalogue is temporarily unavailable.' },
});

async function expectRecovery(service: Service): Promise<void> {
  await until(async () => (await send(service, 'GET', ITEM)).status === 200);
  expect(await probe(service, 'healthz')).toEqual([
    200,
    { status: 'ok', details: { schema: up, database: up, store: up } },
  ]);
  for (const target of [...TAGGED, ...MEMBERS]) {
    for (const _ of [1, 2]) expect((await read(service, target)).status).toBe(200);
  }
  const { text } = await send(service, 'GET', `${OWN}/metadata`);
  expect(JSON.parse(text)).toEqual({ metadata: { k1: 'v1', k2: 'v2' } });
}

const count = (service: Service, event: string): number =>
  service.log().split(`"event":"${event}"`).length - 1;

describe('a database that goes away', () => {
  let proxy: DatabaseProxy;
  let service: Service;
  beforeAll(async () => {
    proxy = await DatabaseProxy.to(databaseUrl(await createDatabase('contract')));
    service = await startService('', { DATABASE_URL: proxy.url, GLIMPSE_IMAGE_PORT: '0' });
  });
  afterAll(async () => {
    await service.stop();
    await proxy.close();
  });

  it('and refuses connections is an outage, from which the service recovers by itself', async () => {
    await expectRecovery(service);
    await proxy.cut();
    await expectOutage(service, { cached: true });
    await proxy.restore();
    await expectRecovery(service);
  });

  it('leaves stale images, which honour conditions and permissions, and claim nothing else', async () => {
    const before = await send(service, 'GET', OWN);
    await proxy.cut();
    const copy = await send(service, 'GET', OWN);
    expect(copy).toMatchObject({ status: 203, text: before.text, headers: { etag: before.headers['etag'] } });
    const get = (headers: Record<string, string>, target = OWN): Promise<RawResponse> =>
      sendRaw(service.url, { target, headers: { 'x-auth-token': tokenOf('demo'), ...headers } });
    const unchanged = await get({ 'if-none-match': before.headers['etag']! });
    expect(unchanged).toMatchObject({ status: 304, text: '', headers: { age: expect.any(String) } });
    await expectStale(get({ 'cache-control': 'no-cache' }));
    // A stale image proves neither that a key is missing nor that another caller may not read it.
    await expectUnavailable(get({}, `${OWN}/metadata/missing`));
    await expectUnavailable(get({ 'x-auth-token': tokenOf('alt') }));
    expect((await get({ 'x-auth-token': 'made up' })).status).toBe(401);
    for (const target of TAGGED) {
      const document = await read(service, target);
      await expectStale(Promise.resolve(document));
      const known = await read(service, target, { 'if-none-match': document.headers['etag']! });
      expect(known).toMatchObject({ status: 304, text: '', headers: { age: expect.any(String) } });
    }
    for (const target of [...TAGGED, ...MEMBERS]) {
      expect((await read(service, target, { 'x-auth-token': tokenOf('alt') })).status).toBe(503);
    }
    await proxy.restore();
    await expectRecovery(service);
  });

  it('and hangs is an outage within seconds, for many requests at once too', async () => {
    proxy.stall();
    // The cache is trusted for two seconds after the last response of the database.
    await until(async () => (await send(service, 'GET', ITEM)).status === 203);
    await expectOutage(service, { cached: true });
    await Promise.all(Array.from({ length: 50 }, () => expectStale(send(service, 'GET', ITEM))));
    await Promise.all(Array.from({ length: 50 }, () => expectUnavailable(send(service, 'GET', UNKNOWN))));
    await proxy.restore();
    await expectRecovery(service);
  });

  it('is logged once, and its return once', async () => {
    const before = ['database-unavailable', 'database-available'].map((event) => count(service, event));
    await proxy.cut();
    for (let round = 0; round < 5; round++) await send(service, 'GET', ITEM);
    await proxy.restore();
    await expectRecovery(service);
    const after = ['database-unavailable', 'database-available'].map((event) => count(service, event));
    expect(after).toEqual(before.map((times) => times + 1));
    expect(count(service, 'request-failed')).toBe(0);
  });
});

describe('stale images', () => {
  it('are served by the settings: with another status, up to an age, or not at all', async () => {
    const proxy = await DatabaseProxy.to(databaseUrl(await createDatabase('contract')));
    const start = (settings: Record<string, string>): Promise<Service> =>
      startService('', { DATABASE_URL: proxy.url, ...settings });
    const services = await Promise.all([
      start({ GLIMPSE_STALE_STATUS: '200', GLIMPSE_IMAGE_PORT: '0' }),
      start({ GLIMPSE_STALE_LIMIT: '1', GLIMPSE_IMAGE_PORT: '0' }),
      start({ GLIMPSE_CACHE_SIZE: '0', GLIMPSE_IMAGE_PORT: '0' }),
    ]);
    const [plain, shortly, never] = services as [Service, Service, Service];
    try {
      for (const service of services) await expectRecovery(service);
      const [listening] = await query(
        'postgres',
        `SELECT count(*)::int AS count FROM pg_stat_activity
        WHERE application_name = 'glimpse notifications' AND datname = '${new URL(proxy.url).pathname.slice(1)}'`,
      );
      expect(listening).toEqual({ count: 2 });
      await proxy.cut();
      const copy = await send(plain, 'GET', ITEM);
      expect(copy).toMatchObject({ status: 200, headers: { age: expect.stringMatching(/^\d+$/) } });
      await expectUnavailable(send(never, 'GET', ITEM));
      const targets = [...TAGGED, ...MEMBERS];
      for (const target of targets) {
        const document = await read(plain, target);
        expect(document).toMatchObject({ status: 200, headers: { age: expect.stringMatching(/^\d+$/) } });
        expect((await read(never, target)).status).toBe(503);
      }
      await until(async () => (await send(shortly, 'GET', ITEM)).status === 503);
      for (const target of targets) await until(async () => (await read(shortly, target)).status === 503);
      expect((await send(plain, 'GET', ITEM)).status).toBe(200);
      await proxy.restore();
      for (const service of services) await expectRecovery(service);
    } finally {
      for (const service of services) await service.stop();
      await proxy.close();
    }
  });
});

describe('a database that accepts no connections', () => {
  it('is an outage, from which the service recovers by itself', async () => {
    const database = await createDatabase('contract');
    const service = await startService(database, { GLIMPSE_IMAGE_PORT: '0' });
    try {
      await query('postgres', `ALTER DATABASE ${database} ALLOW_CONNECTIONS false`);
      await query(
        'postgres',
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`,
      );
      await expectOutage(service, { cached: false });
      await query('postgres', `ALTER DATABASE ${database} ALLOW_CONNECTIONS true`);
      await expectRecovery(service);
      expect(count(service, 'request-failed')).toBe(0);
    } finally {
      await service.stop();
    }
  });
});

describe('a database without the schema', () => {
  it('leaves the service live and not ready, until it is migrated', async () => {
    const database = await createDatabase('empty');
    const settings = {
      DATABASE_URL: databaseUrl(database),
      ...settingsOf({ someone: { project_id: 'aa', roles: ['reader'] } }),
    };
    const service = await startBareService({ GLIMPSE_DATA_DIR: newFolder(), ...settings });
    try {
      const list = () =>
        sendRaw(service.url, { target: '/v2.1/images', headers: { 'x-auth-token': 'someone' } });
      expect(await probe(service, 'livez')).toEqual([200, { status: 'ok', details: {} }]);
      expect(await probe(service, 'readyz')).toEqual([
        503,
        { status: 'error', details: { schema: down, service: up } },
      ]);
      expect(await probe(service, 'healthz')).toEqual([
        503,
        { status: 'error', details: { schema: down, database: up, store: up } },
      ]);
      await expectUnavailable(list());
      expect((await glimpse(['migrate'], settings)).code).toBe(0);
      await until(async () => (await probe(service, 'readyz'))[0] === 200);
      expect((await probe(service, 'healthz'))[0]).toBe(200);
      expect((await list()).status).toBe(200);
    } finally {
      await service.stop();
    }
  });
});

describe('a database that is unavailable when the service starts', () => {
  it('leaves the service live and not ready, until it is available', async () => {
    const proxy = await DatabaseProxy.to(databaseUrl(await createDatabase('contract')));
    await proxy.cut();
    const service = await startBareService({ DATABASE_URL: proxy.url, GLIMPSE_DATA_DIR: newFolder() });
    try {
      expect((await probe(service, 'livez'))[0]).toBe(200);
      expect((await probe(service, 'readyz'))[0]).toBe(503);
      expect(await probe(service, 'healthz')).toEqual([
        503,
        { status: 'error', details: { schema: down, database: down, store: up } },
      ]);
      await proxy.restore();
      await until(async () => (await probe(service, 'readyz'))[0] === 200);
    } finally {
      await service.stop();
      await proxy.close();
    }
  });
});
