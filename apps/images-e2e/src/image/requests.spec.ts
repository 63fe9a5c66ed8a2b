import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createCatalogue } from '../harness/catalogue.js';
import { amount } from '../harness/long.js';
import { sendRaw, type RawRequest, type RawResponse } from '../harness/raw-http.js';
import { IDENTITIES, startService, tokenOf, type Service } from '../harness/service.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';
const ITEM = `/v2/images/${ID}`;

let service: Service;
beforeAll(async () => {
  const image = {
    id: ID,
    name: 'one',
    status: 'active',
    visibility: 'shared',
    protected: true,
    owner: IDENTITIES['demo']!.project_id,
    created_at: '2026-01-01T00:00:00Z',
  };
  service = await startService(await createCatalogue({ images: [image] }), {
    GLIMPSE_IMAGE_PORT: '0',
    GLIMPSE_IMAGE_URL: 'https://cloud.example.com/image',
  });
});
afterAll(() => service.stop());

function send(target: string, request: Omit<RawRequest, 'target'> = {}): Promise<RawResponse> {
  const headers = { 'x-auth-token': tokenOf('demo'), ...request.headers };
  return sendRaw(service.imageUrl, { ...request, target, headers });
}

interface ErrorBody {
  readonly error: { code: number; title: string; message: string };
}

/** The one form of all errors. */
function expectError({ status, text, headers }: RawResponse, expected: number): void {
  expect(status).toBe(expected);
  const { error } = JSON.parse(text) as ErrorBody;
  expect(error).toEqual({ code: expected, title: expect.any(String), message: expect.any(String) });
  expect(error.message).not.toBe('');
  expect(headers['content-type']).toBe('application/json');
}

describe('the path of a request', () => {
  it.each([
    [ITEM],
    [`//v2//images/${ID}`],
    [`/v2.0/images/${ID}`],
    [`/v2.15/images/${ID}`],
    [`/v2/im%61ges/${ID}`],
    [`/v2/images%2F${ID}`],
    [`/image/v2/images/${ID}`],
    [`${ITEM}?_method=DELETE`],
    [`/v2/images/${ID.toUpperCase()}`],
  ])('finds the image: %s', async (target) => {
    const { status, text } = await send(target);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toMatchObject({ id: ID, self: ITEM });
  });

  it.each([
    [`${ITEM}/`],
    [`/v2/images/./${ID}`],
    [`/v2/x/../images/${ID}`],
    ['/v2/images/'],
    [`${ITEM}/members/`],
    [`${ITEM}/members/a%2Fb`],
    ['/v2/nosuch'],
    ['/v2/schemas/nosuch'],
    ['/v2/Images'],
  ])('has no route: %s', async (target) => {
    expectError(await send(target), 404);
    expectError(await send(target, { headers: { 'x-auth-token': undefined } }), 401);
  });

  it.each([['/'], [`/v3/images`], ['/v2.16/images'], ['/V2/images'], ['/images'], ['/x/../v2/images']])(
    'names no version: %s',
    async (target) => {
      for (const method of ['GET', 'POST']) {
        const { status, text } = await send(target, { method, headers: { 'x-auth-token': undefined } });
        expect(status).toBe(300);
        const { versions } = JSON.parse(text) as { versions: object[] };
        expect(versions[0]).toEqual({
          id: 'v2.15',
          status: 'CURRENT',
          links: [{ rel: 'self', href: 'https://cloud.example.com/image/v2/' }],
        });
        expect(versions).toHaveLength(10);
      }
    },
  );

  it.each(['/versions', '/v2', '/v2/', '/v2.7'])('shows the versions: %s', async (target) => {
    const { status, text } = await send(target);
    expect(status).toBe(200);
    expect(JSON.parse(text)).toHaveProperty('versions');
    const { status: open } = await send(target, { headers: { 'x-auth-token': undefined } });
    expect(open).toBe(target === '/versions' ? 200 : 401);
  });
});

describe('the methods of a route', () => {
  it.each([
    ['PUT', ITEM, 'GET, HEAD, PATCH, DELETE, OPTIONS'],
    ['DELETE', `${ITEM}/file`, 'GET, HEAD, PUT, OPTIONS'],
    ['PUT', `${ITEM}/members`, 'GET, HEAD, POST, OPTIONS'],
    ['GET', `${ITEM}/tags/x`, 'PUT, DELETE, OPTIONS'],
    ['POST', '/v2/schemas/image', 'GET, HEAD, OPTIONS'],
  ])('are in Allow: %s %s', async (method, target, allow) => {
    const response = await send(target, { method });
    expectError(response, 405);
    expect(response.headers['allow']).toBe(allow);
    const options = await send(target, { method: 'OPTIONS' });
    expect([options.status, options.headers['allow']]).toEqual([200, allow]);
  });

  it('have a HEAD, which is a GET without a body', async () => {
    for (const target of [ITEM, `${ITEM}/members`, '/v2/schemas/image', '/versions', '/healthcheck']) {
      const [get, head] = [await send(target), await send(target, { method: 'HEAD' })];
      expect([head.status, head.text]).toEqual([get.status, '']);
      expect(head.headers['content-length']).toBe(get.headers['content-length']);
    }
  });
});

describe('a response', () => {
  it('names the request, is for one token, and is JSON without a charset', async () => {
    const { headers } = await send(ITEM);
    expect(headers).toMatchObject({
      'x-openstack-request-id': expect.stringMatching(/^req-[0-9a-f-]{36}$/),
      'cache-control': 'private, no-cache',
      vary: 'X-Auth-Token',
      'content-type': 'application/json',
      etag: expect.stringMatching(/^"[\w-]{27}"$/),
    });
    expect(headers).not.toHaveProperty('x-compute-request-id');
  });

  it('is 304 for a client that has it', async () => {
    const etag = (await send(ITEM)).headers['etag'] as string;
    const { status, text } = await send(ITEM, { headers: { 'if-none-match': etag } });
    expect([status, text]).toEqual([304, '']);
    expect((await send(ITEM, { headers: { 'if-none-match': '"other"' } })).status).toBe(200);
  });

  it('of 401 has the challenge of Keystone', async () => {
    const response = await send(ITEM, { headers: { 'x-auth-token': 'unknown' } });
    expectError(response, 401);
    expect(response.headers['www-authenticate']).toMatch(/^Keystone uri="/);
  });

  it('of the health check is text', async () => {
    const { status, text, headers } = await send('/healthcheck', { headers: { 'x-auth-token': undefined } });
    expect([status, text, headers['content-type']]).toEqual([200, 'OK', 'text/plain; charset=UTF-8']);
  });

  it('of each API is on its own port', async () => {
    const token = { 'x-auth-token': tokenOf('demo') };
    const compute = await fetch(`${service.url}/v2.1/images/${ID}`, { headers: token });
    expect(Object.keys((await compute.json()) as object)).toEqual(['image']);
    for (const url of [service.url, service.imageUrl]) {
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      expect(await (await fetch(`${url}/metrics`)).text()).toContain('api="image"');
      expect(await (await fetch(`${url}/docs`)).text()).toContain('swagger-ui');
    }
  });
});

describe('generated requests', () => {
  const segment = fc
    .oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }),
      fc.string({ unit: 'binary-ascii', minLength: 1, maxLength: 12 }),
      fc.constantFrom('images', 'members', 'schemas', 'image', 'file', 'tags', 'v2', 'v2.7', '.', '..', ID),
    )
    .map(encodeURIComponent);
  const raw = fc.constantFrom('%', '%zz', '%ff', '%00', '%2F', '%2e%2e', '//', ';x', '+');
  const generated = fc.record({
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PURGE'),
    parts: fc.array(fc.oneof({ weight: 6, arbitrary: segment }, { weight: 1, arbitrary: raw }), {
      maxLength: 5,
    }),
    query: fc.oneof(
      fc.constant(''),
      fc.webQueryParameters().map((query) => `?${query}`),
    ),
    token: fc.constantFrom(tokenOf('demo'), tokenOf('admin'), 'unknown', undefined),
    version: fc.constantFrom('/v2', '/v2/images', '/v2/images', '', '/v9', '/image/v2'),
    body: fc.option(fc.oneof(fc.string({ maxLength: 50 }), fc.json()), { nil: undefined }),
    headers: fc.constantFrom<Record<string, string>>(
      {},
      { 'content-type': 'application/octet-stream' },
      { 'content-type': 'application/openstack-images-v2.1-json-patch' },
      { 'if-none-match': '*' },
      { 'x-service-token': 'unknown' },
      { accept: 'text/html' },
      { 'x-http-method-override': 'DELETE' },
    ),
  });

  it(
    'have a response in the form of this API, and none fails',
    async () => {
      await fc.assert(
        fc.asyncProperty(generated, async ({ method, parts, query, token, version, body, headers }) => {
          const response = await send([version, ...parts].join('/') + query, {
            method,
            ...(body !== undefined && { body }),
            headers: { ...headers, 'x-auth-token': token },
          });
          const { status, text } = response;
          expect([200, 201, 204, 300, 304, 400, 401, 403, 404, 405, 409, 413, 415, 501]).toContain(status);
          if (status >= 400 && method !== 'HEAD') expectError(response, status);
          if (status === 200 && text !== '' && text !== 'OK' && !text.startsWith('<')) JSON.parse(text);
        }),
        { numRuns: amount(500, 20_000) },
      );
      expect((await send(ITEM)).status).toBe(200);
    },
    amount(60_000, 600_000),
  );
});

describe('what docs/image-api.md leaves out', () => {
  const guide = readFileSync(new URL('../../../../docs/image-api.md', import.meta.url), 'utf8');
  const section = /^## What is left out\n(.*?)^## /ms.exec(guide)![1]!;
  const paths = [...section.matchAll(/`(\/v2\/[^`]+)`/g)].map(([, path]) => path!.replace('{id}', ID));

  it('is metadata definitions, tasks and the cache, among others', () => {
    expect(paths).toEqual(
      expect.arrayContaining([expect.stringMatching(/metadefs/), '/v2/tasks', '/v2/cache']),
    );
  });

  it.each(paths)('is 404: %s', async (path) => {
    expectError(await send(path), 404);
  });

  it('is the verification of signatures, whose properties are kept', async () => {
    const signature = {
      img_signature: 'c2lnbmF0dXJl',
      img_signature_hash_method: 'SHA-256',
      img_signature_key_type: 'RSA-PSS',
      img_signature_certificate_uuid: ID,
    };
    for (const name of Object.keys(signature)) expect(section).toContain(`\`${name}\``);
    const image = { name: 'signed', disk_format: 'raw', container_format: 'bare', ...signature };
    const created = await send('/v2/images', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(image),
    });
    const { id } = JSON.parse(created.text) as { id: string };
    const upload = {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: 'not what was signed',
    };
    expect((await send(`/v2/images/${id}/file`, upload)).status).toBe(204);
    const shown = JSON.parse((await send(`/v2/images/${id}`)).text) as object;
    expect(shown).toMatchObject({ status: 'active', ...signature });
  });
});
