import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { sendRaw, type RawResponse, type RawRequest } from '../harness/raw-http.js';
import { IDENTITIES, IMAGE_URL, newFolder, startService, tokenOf, type Service } from '../harness/service.js';

/** The default Host of raw requests. */
const HOST = 'images.example.com';
const DEMO = IDENTITIES['demo']!.project_id;
const ALT = IDENTITIES['alt']!.project_id;
const PAGE_IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';
/** An image that was made from a server. */
const SNAPSHOT = '11111111-0000-4000-8000-000000000002';
const SERVER = '9168b536-cd40-4630-b43f-b259807c6e87';

interface Document {
  image?: { id: string; links: { href: string }[]; server?: { links: { href: string }[] } };
  images?: { id: string }[];
  images_links?: { href: string }[];
  itemNotFound?: { message: string };
  badRequest?: { message: string };
}

const documentOf = ({ text }: RawResponse): Document => JSON.parse(text) as Document;
const hrefs = (links: { href: string }[] | undefined): string[] | undefined => links?.map(({ href }) => href);

let database: string;
let service: Service;
beforeAll(async () => {
  database = await createDatabase('contract');
  service = await startService(database);
});
afterAll(() => service.stop());

function get(target: string, headers: RawRequest['headers'] = {}, of = service): Promise<RawResponse> {
  return sendRaw(of.url, { target, headers: { 'x-auth-token': tokenOf('demo'), ...headers } });
}

/** The response to an unknown route. */
const NO_ROUTE = { itemNotFound: { code: 404, message: 'The resource could not be found.' } };

describe('the path of a request', () => {
  it.each([
    ['with two slashes in front, as the API reference writes it', `//v2.1/${DEMO}/images/${PAGE_IMAGE}`],
    ['with any number of slashes anywhere', `////v2.1//${DEMO}///images//${PAGE_IMAGE}`],
    ['with a dot segment that goes up', `/v2.1/foo/../images/${PAGE_IMAGE}`],
    ['with a dot segment that stays', `/./v2.1/./images/./${PAGE_IMAGE}`],
    ['that goes up beyond the root', `/../../v2.1/images/${PAGE_IMAGE}`],
    ['with an escaped letter', `/v2.1/im%61ges/${PAGE_IMAGE}`],
    ['with the version escaped', `/%76%32%2e%31/images/${PAGE_IMAGE}`],
    ['with an escaped slash', `/v2.1/images%2F${PAGE_IMAGE}`],
    ['with a doubled slash that is half escaped', `/v2.1/images/%2f${PAGE_IMAGE}`],
    ['with an id in capitals', `/v2.1/images/${PAGE_IMAGE.toUpperCase()}`],
    ['with an empty query', `/v2.1/images/${PAGE_IMAGE}?`],
    ['with a query in the form of a path', `/v2.1/images/${PAGE_IMAGE}?/../../v2/%zz`],
    ['that is an absolute URL', `http://${HOST}/v2.1/images/${PAGE_IMAGE}`],
    ['that is an absolute URL in capitals', `HTTP://${HOST}//v2.1/images/${PAGE_IMAGE}`],
  ])('%s finds the image', async (_, target) => {
    const response = await get(target);
    expect(response.status).toBe(200);
    expect(documentOf(response).image?.id).toBe(PAGE_IMAGE);
  });

  it.each([
    ['with a slash after the item', `/v2.1/images/${PAGE_IMAGE}/`],
    ['with a slash after the list', '/v2.1/images/'],
    ['with a slash after the list of a project', `/v2.1/${DEMO}/images/`],
    ['with an escaped slash after the item', `/v2.1/images/${PAGE_IMAGE}%2F`],
    ['that ends in a dot segment, and so in a slash', `/v2.1/images/${PAGE_IMAGE}/metadata/..`],
    ['with an escaped dot segment, which is none', `/v2.1/foo/%2e%2e/images/${PAGE_IMAGE}`],
    ['with a half escaped dot segment, which is none', `/v2.1/foo/.%2E/images/${PAGE_IMAGE}`],
    ['with three dots, which are no step', `/v2.1/foo/.../images/${PAGE_IMAGE}`],
    ['with an escape that is escaped', `/v2.1/im%2561ges/${PAGE_IMAGE}`],
    ['with the version in capitals', `/V2.1/images/${PAGE_IMAGE}`],
    ['with the collection in capitals', `/v2.1/Images/${PAGE_IMAGE}`],
    ['with a format behind the list', '/v2.1/images.json'],
    ['with another minor version', `/v2.10/images/${PAGE_IMAGE}`],
    ['with an empty item of metadata', `/v2.1/images/${PAGE_IMAGE}/metadata/`],
    ['with a project that is not hex', `/v2.1/openstack/images/${PAGE_IMAGE}`],
    ['with a project in capitals', `/v2.1/${DEMO.toUpperCase()}/images/${PAGE_IMAGE}`],
    ['that escapes its question mark', `/v2.1/images%3Flimit=1`],
    ['that is the asterisk', '*'],
  ])('%s finds no route', async (_, target) => {
    const response = await get(target);
    expect(response.status).toBe(404);
    expect(documentOf(response)).toEqual(NO_ROUTE);
  });

  it.each([
    ['with a format behind the id', `/v2.1/images/${PAGE_IMAGE}.json`],
    ['with an escaped step in the place of the id', '/v2.1/images/%2e%2e'],
    ['with an escaped question mark in the id', `/v2.1/images/${PAGE_IMAGE}%3Flimit=1`],
    ['with a fragment', `/v2.1/images/${PAGE_IMAGE}#top`],
    ['with a NUL in the id', `/v2.1/images/${PAGE_IMAGE}%00`],
    ['with a semicolon behind the id', `/v2.1/images/${PAGE_IMAGE};v=1`],
  ])('%s names an image that does not exist', async (_, target) => {
    const response = await get(target);
    expect(response.status).toBe(404);
    expect(documentOf(response)).toEqual({ itemNotFound: { code: 404, message: 'Image not found.' } });
  });

  it.each(['/v2.1/%zz', '/v2.1/images/%', '/%ff', '/v2.1/%c0%ae%c0%ae/images', '/v2.1/images/%ed%a0%80'])(
    '%s cannot be decoded, and is refused',
    async (target) => {
      const response = await get(target);
      expect(response.status).toBe(400);
      expect(documentOf(response).badRequest?.message).toBe('The request path cannot be decoded.');
    },
  );

  it("of another project than the token's is refused, with both ids", async () => {
    const response = await get(`/v2.1/${ALT}/images/${PAGE_IMAGE}`);
    expect(response.status).toBe(400);
    expect(documentOf(response).badRequest?.message).toBe(
      `Malformed request URL: URL's project_id '${ALT}' doesn't match Context's project_id '${DEMO}'`,
    );
  });

  it('with the project id in dashes is refused, as it is not how Keystone writes it', async () => {
    const dashed = DEMO.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    const response = await get(`/v2.1/${dashed}/images/${PAGE_IMAGE}`);
    expect(response.status).toBe(400);
    expect(documentOf(response).badRequest?.message).toContain(`'${dashed}'`);
  });

  it('of one segment has its slash at the end or not', async () => {
    for (const target of ['/v2.1', '/v2.1/', '//v2.1//', '/v2', '/v2/', '/livez', '/livez/']) {
      expect([target, (await get(target)).status]).toEqual([target, 200]);
    }
  });

  it('under /v2 ignores microversions', async () => {
    const response = await get(`/v2/images/${PAGE_IMAGE}`, {
      'openstack-api-version': 'compute 9.999',
      'x-openstack-nova-api-version': 'nonsense',
    });
    expect(response.status).toBe(200);
    expect(response.headers).not.toHaveProperty('openstack-api-version');
    expect(response.headers).not.toHaveProperty('x-openstack-nova-api-version');
    expect(response.headers['vary']).toBe('X-Auth-Token');
    expect(documentOf(response).image?.links[0]?.href).toBe(`http://${HOST}/v2/images/${PAGE_IMAGE}`);
  });
});

describe('the path that access rules are checked against', () => {
  const TOKEN = 'restricted-token';
  const IMAGE = '22222222-0000-4000-8000-000000000001';
  const OTHER = '22222222-0000-4000-8000-000000000002';
  let restricted: Service;

  /** An authenticator whose only token is restricted to the metadata of one image. */
  const plugin = `
    const accessRules = ['GET', 'PUT', 'DELETE'].map((method) => (
      { service: 'compute', method, path: '/v2.1/images/${IMAGE}/metadata/**' }
    ));
    const identity = {
      userId: 'u', userName: 'u', scope: { kind: 'project', id: '${DEMO}', name: 'demo' },
      roles: ['member'], accessRules, expiresAt: null, service: false,
    };
    const authenticate = async (token) =>
      token === '${TOKEN}' ? { outcome: 'identity', identity } : { outcome: 'invalid' };
    export default {
      kind: 'authenticator', contract: 1, create: () => ({ challenge: 'Keystone uri="http://k"', authenticate }),
    };
  `;

  beforeAll(async () => {
    const folder = newFolder();
    writeFileSync(join(folder, 'restricted.mjs'), plugin);
    writeFileSync(
      join(folder, 'glimpse.yaml'),
      `authenticator: { use: ${join(folder, 'restricted.mjs')} }\n`,
    );
    restricted = await startService(database, { GLIMPSE_CONFIG: join(folder, 'glimpse.yaml') });
  });
  afterAll(() => restricted.stop());

  const send = (method: string, target: string): Promise<RawResponse> =>
    sendRaw(restricted.url, { method, target, headers: { 'x-auth-token': TOKEN } });

  it('allows what the rules of a restricted token allow, in every spelling of the path', async () => {
    for (const target of [
      `/v2.1/images/${IMAGE}/metadata/k1`,
      `//v2.1/x/../images/${IMAGE}/%6detadata/k1`,
      `/v2.1/images/${IMAGE}/metadata%2Fk1`,
    ]) {
      expect([target, (await send('GET', target)).status]).toEqual([target, 200]);
    }
  });

  it.each([
    `/v2.1/images/${IMAGE}/metadata/../../${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/k1/../../../${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/./../../${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/..//../${OTHER}`,
    `http://x/v2.1/images/${IMAGE}/metadata/../../${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/..`,
    `/v2.1/images/${IMAGE}`,
    `/v2.1/images/${OTHER}?/v2.1/images/${IMAGE}/metadata/k1`,
    `/v2.1/images/${OTHER}#/v2.1/images/${IMAGE}/metadata/k1`,
    `/v2/images/${IMAGE}/metadata/k1`,
    `/v2.1/${DEMO}/images/${IMAGE}/metadata/k1`,
  ])('is what is routed: DELETE %s is beyond the rules', async (target) => {
    expect((await send('DELETE', target)).status).toBe(401);
  });

  it.each([
    `/v2.1/images/${IMAGE}/metadata/%2e%2e/%2e%2e/${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/%2e%2e%2f..%2f${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/..%2f..%2f${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/%252e%252e/%252e%252e/${OTHER}`,
    `/v2.1/images/${IMAGE}/metadata/..;/..;/${OTHER}`,
  ])('is what is routed: DELETE %s is within the rules and leads nowhere', async (target) => {
    expect((await send('DELETE', target)).status).toBe(404);
  });

  it('never led to the other image', async () => {
    expect((await get(`/v2.1/images/${OTHER}`)).status).toBe(200);
  });
});

describe('links', () => {
  const self = async (headers: RawRequest['headers'], target = `/v2.1/images/${PAGE_IMAGE}`) =>
    documentOf(await get(target, headers)).image?.links[0]?.href;

  it('carry the project when the URL does', async () => {
    const { image } = documentOf(await get(`/v2.1/${DEMO}/images/${SNAPSHOT}`));
    expect(hrefs(image?.links)).toEqual([
      `http://${HOST}/v2.1/${DEMO}/images/${SNAPSHOT}`,
      `http://${HOST}/${DEMO}/images/${SNAPSHOT}`,
      `${IMAGE_URL}/images/${SNAPSHOT}`,
    ]);
    expect(hrefs(image?.server?.links)).toEqual([
      `http://${HOST}/v2.1/${DEMO}/servers/${SERVER}`,
      `http://${HOST}/${DEMO}/servers/${SERVER}`,
    ]);
    const list = documentOf(await get(`/v2.1/${DEMO}/images?limit=1`));
    const marker = list.images?.[0]?.id;
    expect(hrefs(list.images_links)).toEqual([`http://${HOST}/v2.1/${DEMO}/images?limit=1&marker=${marker}`]);
  });

  it('carry none when the URL does not', async () => {
    const { image } = documentOf(await get(`/v2.1/images/${SNAPSHOT}`));
    expect(hrefs(image?.links)).toEqual([
      `http://${HOST}/v2.1/images/${SNAPSHOT}`,
      `http://${HOST}/images/${SNAPSHOT}`,
      `${IMAGE_URL}/images/${SNAPSHOT}`,
    ]);
    expect(image?.server?.links[0]?.href).toBe(`http://${HOST}/v2.1/servers/${SERVER}`);
  });

  it.each([
    ['https', 'https'],
    ['HTTPS', 'https'],
    ['https, http', 'https'],
    [['https', 'http'], 'https'],
    ['http, https', 'http'],
    ['', 'http'],
    ['javascript', 'http'],
    ['javascript:alert(1)//', 'http'],
    ['wss', 'http'],
  ])('have for X-Forwarded-Proto %j the scheme %s', async (forwarded, scheme) => {
    expect(await self({ 'x-forwarded-proto': forwarded })).toBe(
      `${scheme}://${HOST}/v2.1/images/${PAGE_IMAGE}`,
    );
  });

  it.each(['images.example.com:8774', '10.0.0.1', '[2001:db8::5]', '[::1]:8774', 'glimpse_images_1'])(
    'are built on the Host %s',
    async (host) => {
      expect(await self({ host })).toBe(`http://${host}/v2.1/images/${PAGE_IMAGE}`);
    },
  );

  it('are built on the host of an absolute target, whatever Host says', async () => {
    expect(await self({ host: 'other.example.com' }, `http://${HOST}:81/v2.1/images/${PAGE_IMAGE}`)).toBe(
      `http://${HOST}:81/v2.1/images/${PAGE_IMAGE}`,
    );
  });

  it.each(['a/b', 'a b', 'user@a', 'a:b', 'a:99999', '::1', 'javascript:alert(1)', '"><script>', 'a,b', ''])(
    'have no base in the Host %j, which is refused',
    async (host) => {
      const response = await get(`/v2.1/images/${PAGE_IMAGE}`, { host });
      expect(response.status).toBe(400);
      expect(documentOf(response).badRequest?.message).toMatch(/^The Host header must be host\[:port\]/);
    },
  );

  it.each(['http:///v2.1/images', 'http://user@a/v2.1/images', 'http://a:b/v2.1/images', 'http://a b/v2.1'])(
    'have no base in the target %s, which is refused',
    async (target) => {
      expect((await get(target)).status).toBe(400);
    },
  );

  it('have no base without a Host in HTTP/1.1, which is refused', async () => {
    const response = await get(`/v2.1/images/${PAGE_IMAGE}`, { host: undefined });
    expect(response.status).toBe(400);
    expect(documentOf(response).badRequest?.message).toBe('The Host header is missing.');
  });

  it('have no base in two Hosts, which are refused', async () => {
    const response = await get(`/v2.1/images/${PAGE_IMAGE}`, { host: [HOST, 'other.example.com'] });
    expect(response.status).toBe(400);
    expect(documentOf(response).badRequest?.message).toBe('There is more than one Host header.');
  });

  it('lead to this address when HTTP/1.0 has no Host', async () => {
    const response = await sendRaw(service.url, {
      target: `/v2.1/images/${PAGE_IMAGE}`,
      version: '1.0',
      headers: { host: undefined, 'x-auth-token': tokenOf('demo') },
    });
    expect(response.status).toBe(200);
    expect(documentOf(response).image?.links[0]?.href).toBe(`${service.url}/v2.1/images/${PAGE_IMAGE}`);
  });
});

describe('with a public URL that has a path, and links.project never', () => {
  const PUBLIC = 'https://cloud.example.com/compute';
  let published: Service;
  beforeAll(async () => {
    published = await startService(database, {
      GLIMPSE_PUBLIC_URL: `${PUBLIC}/`,
      GLIMPSE_LINKS_PROJECT: 'never',
    });
  });
  afterAll(() => published.stop());

  it('every link is built on it, whatever the client sends, and carries no project', async () => {
    const headers = { host: 'evil.example.com', 'x-forwarded-proto': 'http' };
    const links = async (target: string): Promise<string[]> => {
      const { text } = await get(target, headers, published);
      return [...text.matchAll(/"href":"([^"]+)"/g)].map(([, href]) => href!);
    };
    expect(await links(`/v2.1/${DEMO}/images/${SNAPSHOT}`)).toEqual([
      `${PUBLIC}/v2.1/images/${SNAPSHOT}`,
      `${PUBLIC}/images/${SNAPSHOT}`,
      `${IMAGE_URL}/images/${SNAPSHOT}`,
      `${PUBLIC}/v2.1/servers/${SERVER}`,
      `${PUBLIC}/servers/${SERVER}`,
    ]);
    const [own, bookmark, , next] = await links(`/v2/${DEMO}/images?limit=1&name=snap`);
    expect(own).toBe(`${PUBLIC}/v2/images/${SNAPSHOT}`);
    expect(bookmark).toBe(`${PUBLIC}/images/${SNAPSHOT}`);
    expect(next).toBe(`${PUBLIC}/v2/images?limit=1&name=snap&marker=${SNAPSHOT}`);
    expect(await links('/')).toEqual([`${PUBLIC}/v2/`, `${PUBLIC}/v2.1/`]);
    expect((await links('/v2.1/'))[0]).toBe(`${PUBLIC}/v2.1/`);
    expect(await links('/v9/')).toEqual([`${PUBLIC}/v2/v9`, `${PUBLIC}/v2.1/v9`]);
  });

  it('an invalid Host is still refused', async () => {
    expect((await get('/v2.1/images', { host: 'a/b' }, published)).status).toBe(400);
  });
});
