import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { FakeGlance } from '@glimpse/glance/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { startFollower, type FollowerProcess } from '../harness/follower.js';
import { openGlance } from '../harness/open-glance.js';
import { IDENTITIES, newFolder, startBareService, type Service } from '../harness/service.js';

const DEMO = IDENTITIES['demo']!.project_id;
const PASSWORD = 'a password';

let glance: FakeGlance;
let front: Server;
let glanceUrl: string;
let keystone: FakeKeystone;
let token: string;
let id: string;
let settings: Record<string, string>;
let follower: FollowerProcess;
/** A replica that runs before anything is away. Its link base is from the catalog. */
let before: Service;
const started: Service[] = [];

async function startKeystone(imageUrl: string | null): Promise<FakeKeystone> {
  const fake = await FakeKeystone.start({ imageUrl });
  fake.addUser({ name: 'glimpse', password: PASSWORD, roles: ['service', 'admin'] });
  return fake;
}

const tokenOf = (fake: FakeKeystone): string =>
  fake.issue({
    userName: 'demo',
    scope: { kind: 'project', id: DEMO, name: 'demo' },
    roles: ['member', 'reader'],
  });

async function start(more: Record<string, string> = {}): Promise<Service> {
  const service = await startBareService({ ...settings, ...more });
  started.push(service);
  return service;
}

const ready = (service: Service): Promise<void> =>
  until(async () => (await fetch(`${service.url}/readyz`)).ok);

const get = (url: string, path: string, sent = token): Promise<Response> =>
  fetch(url + path, { headers: { 'x-auth-token': sent } });

/** The link to the image at the image service, in the document of an image. */
async function alternateOf(service: Service, sent = token): Promise<string | undefined> {
  const response = await get(service.url, `/v2.1/images/${id}`, sent);
  expect(response.status).toBe(200);
  const { image } = (await response.json()) as { image: { links: { rel: string; href: string }[] } };
  return image.links.find(({ rel }) => rel === 'alternate')?.href;
}

beforeAll(async () => {
  glance = await FakeGlance.start();
  ({ id } = glance.add({ owner: DEMO, visibility: 'private', name: 'of demo' }));
  front = openGlance(glance).listen(0, '127.0.0.1');
  await once(front, 'listening');
  glanceUrl = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  keystone = await startKeystone(glanceUrl);
  token = tokenOf(keystone);
  settings = {
    DATABASE_URL: databaseUrl(await createDatabase('migrated')),
    GLIMPSE_DATA_DIR: newFolder(),
    GLIMPSE_SOURCE: 'glance',
    GLIMPSE_KEYSTONE_TIMEOUT: '2',
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: 'glimpse',
    OS_PASSWORD: PASSWORD,
    OS_PROJECT_NAME: 'service',
  };
  follower = await startFollower(settings);
  before = await start();
  await ready(before);
  await until(async () => (await get(before.url, '/v2.1/images')).status === 200);
  expect(await alternateOf(before)).toBe(`${glanceUrl}/images/${id}`);
  await until(() => glance.calls.some(({ path }) => path === '/v2/info/stores'));
}, 120_000);

afterAll(async () => {
  await Promise.all([...started.map((service) => service.stop()), follower?.stop()]);
  await Promise.all([keystone?.close(), glance?.close()]);
  front?.close();
}, 60_000);

it.each(['hang', { status: 503 }] as const)(
  'a running replica serves tokens that it knows while Keystone does %j, and lets no other wait for long',
  async (how) => {
    keystone.behave(how);
    try {
      for (const path of ['/v2.1/images', '/v2.1/images/detail', `/v2.1/images/${id}`, '/readyz', '/']) {
        expect([path, (await get(before.url, path)).status]).toEqual([path, 200]);
      }
      const unknown = await get(before.url, '/v2.1/images', tokenOf(keystone));
      expect(unknown.status).toBe(503);
      expect(Number(unknown.headers.get('retry-after'))).toBeGreaterThan(0);
    } finally {
      keystone.behave('well');
    }
  },
  30_000,
);

it('a replica that starts meanwhile is ready, and serves reads as soon as Keystone validates tokens', async () => {
  keystone.behave('hang');
  try {
    const service = await start();
    await ready(service);
    expect((await fetch(service.url)).status).toBe(200);
    expect((await get(service.url, '/v2.1/images')).status).toBe(503);
    keystone.behave('well');
    await until(async () => (await get(service.url, '/v2.1/images')).status === 200);
    expect(await alternateOf(service)).toBe(`${glanceUrl}/images/${id}`);
  } finally {
    keystone.behave('well');
  }
}, 60_000);

it('a replica has the link base that others learnt where the catalog has none', async () => {
  const other = await startKeystone(null);
  try {
    const service = await start({ OS_AUTH_URL: other.url });
    await ready(service);
    expect(await alternateOf(service, tokenOf(other))).toBe(`${glanceUrl}/images/${id}`);
  } finally {
    await other.close();
  }
}, 60_000);

it('a replica that starts while Keystone and Glance are away has the documents of the Image API', async () => {
  const expected = glance.documents.versions as { versions: { id: string; status: string }[] };
  keystone.behave('hang');
  front.close();
  front.closeAllConnections();
  try {
    const image = { GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0', GLIMPSE_GLANCE_URL: glanceUrl };
    const service = await start({ ...image, GLIMPSE_IMAGE_URL: 'http://images.example.com/image/v2' });
    await ready(service);
    const healthy = await fetch(`${service.imageUrl}/healthcheck`);
    expect([healthy.status, await healthy.text()]).toEqual([200, 'OK']);
    for (const [path, status] of [
      ['/versions', 200],
      ['/', 300],
      ['/v9', 300],
    ] as const) {
      const response = await fetch(service.imageUrl + path);
      expect([path, response.status]).toEqual([path, status]);
      expect(await response.json()).toEqual({
        versions: expected.versions.map(({ id, status }) => ({
          ...{ id, status },
          links: [{ rel: 'self', href: 'http://images.example.com/image/v2/' }],
        })),
      });
    }
  } finally {
    keystone.behave('well');
    front.listen(Number(new URL(glanceUrl).port), '127.0.0.1');
    await once(front, 'listening');
  }
}, 60_000);
