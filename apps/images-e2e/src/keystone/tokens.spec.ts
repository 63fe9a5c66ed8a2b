import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Service } from '../harness/service.js';
import {
  authenticate,
  byCredential,
  byPassword,
  callKeystone,
  createCredential,
  describeWithKeystone,
  ownProject,
  type Person,
} from './harness/cloud.js';
import { IMAGES, createImages, startGlimpse } from './harness/glimpse.js';
import { RecordedOutput } from './harness/recorded-output.js';

const SYSTEM = { system: { all: true } };
const DOMAIN = { domain: { id: 'default' } };

/** Differences of a request from `GET` of an image. */
type Request = { method?: string; by?: Service; path?: string } & Record<`${string}-${string}`, string>;

describeWithKeystone('tokens of a real Keystone', (cloud) => {
  const { authUrl, shortLivedAuthUrl, people } = cloud;
  const { demo, reader, alt, admin, glimpse } = people;
  const output = new RecordedOutput();
  let database: string;
  let service: Service;

  async function issue(person: Person, scope: object | string = ownProject(person), url = authUrl) {
    return authenticate(url, byPassword(person), scope);
  }

  async function send(
    token: string,
    image: string = IMAGES.public,
    { method = 'GET', by = service, path = `/v2.1/images/${image}`, ...headers }: Request = {},
  ): Promise<Response> {
    const response = await fetch(by.url + path, { method, headers: { 'x-auth-token': token, ...headers } });
    output.record(JSON.stringify([...response.headers]), await response.clone().text());
    return response;
  }

  const statusOf = async (...args: Parameters<typeof send>): Promise<number> => (await send(...args)).status;

  async function stop(started: Service): Promise<void> {
    output.record(await (await fetch(`${started.url}/metrics`)).text());
    await started.stop();
    output.record(started.log(), started.stdout());
  }

  /** Expired tokens; issued early, so that no test waits long for their end. */
  const expired = { demo: '', glimpse: '' };

  async function isOver(token: string): Promise<boolean> {
    const headers = { 'x-auth-token': token, 'x-subject-token': token };
    return (await fetch(`${authUrl}/auth/tokens`, { headers })).status === 401;
  }

  beforeAll(async () => {
    for (const { env } of Object.values(people)) output.addSecrets(env['OS_PASSWORD']!);
    expired.demo = await issue(demo, ownProject(demo), shortLivedAuthUrl);
    expired.glimpse = await issue(glimpse, ownProject(glimpse), shortLivedAuthUrl);
    database = await createImages(cloud);
    service = await startGlimpse(database, glimpse.env);
    await until(async () => (await isOver(expired.demo)) && (await isOver(expired.glimpse)));
  });

  it.each<[string, Person, object | string, number, number]>([
    ['a project', demo, ownProject(demo), 200, 404],
    ['a project, with the role reader', reader, ownProject(reader), 200, 404],
    ['another project', alt, ownProject(alt), 404, 200],
    ['a project of an administrator', admin, ownProject(admin), 200, 200],
    ['the system', admin, SYSTEM, 200, 200],
    ['a domain', admin, DOMAIN, 200, 200],
    ['nothing', demo, 'unscoped', 404, 404],
  ])('show by id what their scope may read: %s', async (_, person, scope, ofDemo, ofAlt) => {
    const token = await issue(person, scope);
    expect(await statusOf(token)).toBe(200);
    expect(await statusOf(token, IMAGES.demo)).toBe(ofDemo);
    expect(await statusOf(token, IMAGES.alt)).toBe(ofAlt);
  });

  it('list what their scope may read', async () => {
    const listed = async (token: string): Promise<string[]> => {
      const { images } = (await (await send(token, '', { path: '/v2.1/images' })).json()) as {
        images: { name: string }[];
      };
      return images.map(({ name }) => name).sort();
    };
    expect(await listed(await issue(demo))).toEqual(['demo', 'public']);
    expect(await listed(await issue(alt))).toEqual(['alt', 'public']);
    expect(await listed(await issue(demo, 'unscoped'))).toEqual(['public']);
    expect(await listed(await issue(admin, SYSTEM))).toEqual(['alt', 'demo', 'public']);
  });

  it('are one token in all their spellings: no-cache with one counts for all', async () => {
    const token = await issue(demo);
    const spellings = [token, `${token}=`, `${token}==`, `${token}===`];
    for (const spelling of spellings) expect(await statusOf(spelling)).toBe(200);
    const headers = { 'x-auth-token': token, 'x-subject-token': token };
    await fetch(`${authUrl}/auth/tokens`, { method: 'DELETE', headers });
    expect(await statusOf(spellings[2]!, IMAGES.public, { 'cache-control': 'no-cache' })).toBe(401);
    for (const spelling of spellings) expect(await statusOf(spelling)).toBe(401);
  });

  it('may change the images of their project, if their role allows it', async () => {
    const path = `/v2.1/images/${IMAGES.demo}/metadata/architecture`;
    const change = { method: 'DELETE', path };
    expect(await statusOf(await issue(alt), '', change)).toBe(404);
    expect(await statusOf(await issue(reader), '', change)).toBe(403);
    expect(await statusOf(await issue(demo), '', change)).toBe(204);
  });

  it('are accepted only under their own project’s URL', async () => {
    const path = `/v2.1/${demo.projectId}/images/${IMAGES.public}`;
    expect(await statusOf(await issue(demo), '', { path })).toBe(200);
    expect(await statusOf(await issue(alt), '', { path })).toBe(400);
    expect(await statusOf(await issue(admin, SYSTEM), '', { path })).toBe(400);
  });

  it.each([
    ['garbage', () => 'garbage'],
    ['what has the form of one', () => `gAAAAAB${'x'.repeat(180)}`],
    ['one that is over', () => expired.demo],
  ])('are 401 when they are invalid: %s', async (_, tokenOf) => {
    const { status, headers } = await send(tokenOf());
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe(`Keystone uri="${authUrl}"`);
  });

  it('are accepted from the cache when they are revoked, until a request sends no-cache', async () => {
    const token = await issue(demo);
    expect(await statusOf(token)).toBe(200);
    const headers = { 'x-auth-token': token, 'x-subject-token': token };
    await fetch(`${authUrl}/auth/tokens`, { method: 'DELETE', headers });
    expect(await statusOf(token, IMAGES.public, { 'cache-control': 'no-cache' })).toBe(401);
    expect(await statusOf(token)).toBe(401);
  });

  it('end when their user is disabled', async () => {
    const system = await issue(admin, SYSTEM);
    const password = 'a-password-of-a-passing-user';
    output.addSecrets(password);
    const made = await callKeystone(`${authUrl}/users`, 'POST', system, {
      user: { name: 'passing', password },
    });
    const { user } = (await made.json()) as { user: { id: string } };
    const token = await issue({ userId: user.id, projectId: '', env: { OS_PASSWORD: password } }, 'unscoped');
    expect(await statusOf(token)).toBe(200);
    await callKeystone(`${authUrl}/users/${user.id}`, 'PATCH', system, { user: { enabled: false } });
    expect(await statusOf(token, IMAGES.public, { 'cache-control': 'no-cache' })).toBe(401);
  });

  it('by application credential have the roles of their user', async () => {
    const credential = await createCredential(cloud, demo);
    const token = await authenticate(authUrl, byCredential(credential));
    expect(await statusOf(token, IMAGES.demo)).toBe(200);
    expect(await statusOf(token, IMAGES.alt)).toBe(404);
  });

  it('by restricted application credential may do what its access rules allow', async () => {
    const rule = { service: 'compute', method: 'GET', path: '/v2.1/images/*' };
    const token = await authenticate(authUrl, byCredential(await createCredential(cloud, demo, [rule])));
    expect(await statusOf(token, IMAGES.demo)).toBe(200);
    expect(await statusOf(token, '', { path: '/v2.1/images' })).toBe(401);
    expect(await statusOf(token, '', { path: `/v2.1/images/${IMAGES.demo}/metadata` })).toBe(401);
    expect(await statusOf(token, IMAGES.demo, { method: 'DELETE' })).toBe(401);

    const elsewhere = { ...rule, service: 'image' };
    const other = await authenticate(authUrl, byCredential(await createCredential(cloud, demo, [elsewhere])));
    expect(await statusOf(other, IMAGES.demo)).toBe(401);
  });

  it('that have expired are accepted beside a service token, for that request alone', async () => {
    const vouched = { 'x-service-token': await issue(glimpse) };
    expect(await statusOf(expired.demo, IMAGES.demo)).toBe(401);
    expect(await statusOf(expired.demo, IMAGES.demo, vouched)).toBe(200);
    expect(await statusOf(expired.demo, IMAGES.demo)).toBe(401);
  });

  it('beside an invalid service token are refused', async () => {
    const token = await issue(demo);
    const rule = { service: 'compute', method: 'GET', path: '/v2.1/images/*' };
    const restricted = await createCredential(cloud, glimpse, [rule]);
    for (const serviceToken of [
      'garbage',
      await issue(admin),
      expired.glimpse,
      await authenticate(authUrl, byCredential(restricted)),
    ]) {
      expect(await statusOf(token, IMAGES.public, { 'x-service-token': serviceToken })).toBe(401);
    }
    expect(await statusOf(token)).toBe(200);
  });

  it('are accepted by a service that has an application credential', async () => {
    const { id, secret } = await createCredential(cloud, glimpse);
    output.addSecrets(secret);
    const by = await startGlimpse(database, {
      OS_AUTH_URL: authUrl,
      OS_APPLICATION_CREDENTIAL_ID: id,
      OS_APPLICATION_CREDENTIAL_SECRET: secret,
    });
    expect(await statusOf(await issue(demo), IMAGES.demo, { by })).toBe(200);
    expect(await statusOf('garbage', IMAGES.demo, { by })).toBe(401);
    await stop(by);
  });

  it('are accepted by a service whose domains are given by name', async () => {
    const ids = { OS_USER_DOMAIN_ID: '', OS_PROJECT_DOMAIN_ID: '' };
    const names = { OS_USER_DOMAIN_NAME: 'Default', OS_PROJECT_DOMAIN_NAME: 'Default' };
    const by = await startGlimpse(database, { ...glimpse.env, ...ids, ...names });
    expect(await statusOf(await issue(demo), IMAGES.demo, { by })).toBe(200);
    await stop(by);
  });

  it('are accepted by a service whose own token expires repeatedly', async () => {
    const by = await startGlimpse(database, { ...glimpse.env, OS_AUTH_URL: shortLivedAuthUrl });
    for (const end = Date.now() + 2.5 * cloud.shortLived * 1000; Date.now() < end; await sleep(200)) {
      expect(await statusOf(await issue(demo), IMAGES.demo, { by })).toBe(200);
    }
    await stop(by);
  });

  it.each([
    ['with a wrong password', { OS_PASSWORD: 'a-wrong-password' }],
    ['that does not exist', { OS_USERNAME: 'nobody' }],
    ['of a domain that does not exist', { OS_USER_DOMAIN_ID: '', OS_USER_DOMAIN_NAME: 'Nowhere' }],
    ['without the right to validate tokens', demo.env],
  ])('are 503 to a service %s, which logs the reason', async (_, credentials) => {
    output.addSecrets('a-wrong-password');
    const by = await startGlimpse(database, { ...glimpse.env, ...credentials });
    const { status, headers } = await send(await issue(alt), IMAGES.public, { by });
    expect(status).toBe(503);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    expect(by.log()).toContain('"event":"keystone-unavailable"');
    await stop(by);
  });

  it('and passwords are in no output of the service', async () => {
    await stop(service);
    expect(output.length).toBeGreaterThan(50_000);
    expect(output.leaks()).toEqual([]);
  });

  afterAll(() => service.stop());
});
