import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { sendRaw, type RawResponse } from '../harness/raw-http.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const HORIZON = 'https://horizon.example.com';
const OTHER = 'https://evil.example.com';
const ITEM = '/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b';
const TOKEN = { 'x-auth-token': tokenOf('demo') };
const EXPOSED =
  'X-Auth-Token,X-Openstack-Request-Id,X-Subject-Token,X-Service-Token,X-OpenStack-Nova-API-Version,OpenStack-API-Version';

let database: string;
let shared: Service;
let closed: Service;
beforeAll(async () => {
  database = await createDatabase('contract');
  shared = await startService(database, {
    GLIMPSE_CORS_ALLOWED_ORIGIN: `http://localhost:8080, ${HORIZON}`,
    GLIMPSE_IMAGE_PORT: '0',
  });
  closed = await startService(database);
});
afterAll(async () => {
  await shared.stop();
  await closed.stop();
});

/** The headers that a browser reads, and `Vary`. */
function corsOf({ headers }: RawResponse): Record<string, string> {
  const read = Object.entries(headers).filter(
    ([name]) => name === 'vary' || name.startsWith('access-control-'),
  );
  return Object.fromEntries(read);
}

function preflight(service: Service, headers: Record<string, string>, target = ITEM): Promise<RawResponse> {
  return sendRaw(service.url, { method: 'OPTIONS', target, headers });
}

describe('a page of an allowed origin', () => {
  it.each([
    ['an image, from memory and not', 200, ITEM, TOKEN],
    ['an image that it has', 304, ITEM, { ...TOKEN, 'if-none-match': '*' }],
    ['a list', 200, '/v2.1/images', TOKEN],
    ['an image that is not there', 404, '/v2.1/images/nosuch', TOKEN],
    ['a refusal', 401, ITEM, {}],
    ['an unknown route', 404, '/nosuch', {}],
    ['the versions', 200, '/', {}],
  ] as const)('may read %s', async (_, status, target, headers) => {
    for (let time = 0; time < 3; time++) {
      for (const method of ['GET', 'HEAD']) {
        const response = await sendRaw(shared.url, {
          method,
          target,
          headers: { ...headers, origin: HORIZON },
        });
        expect(response.status).toBe(status);
        expect(corsOf(response)).toEqual({
          'access-control-allow-origin': HORIZON,
          'access-control-allow-credentials': 'true',
          'access-control-expose-headers': EXPOSED,
          vary: expect.stringMatching(/(?:^|, )X-Auth-Token, Origin$/),
        });
      }
    }
  });

  it('may read the Image API, too', async () => {
    const headers = { ...TOKEN, origin: HORIZON };
    for (const [status, target] of [
      [200, '/v2/images'],
      [404, '/v2/images/nosuch'],
      [300, '/'],
    ] as const) {
      const response = await sendRaw(shared.imageUrl, { target, headers });
      expect(response.status).toBe(status);
      expect(corsOf(response)).toMatchObject({
        'access-control-allow-origin': HORIZON,
        'access-control-allow-credentials': 'true',
        vary: expect.stringMatching(/(?:^|, )Origin$/),
      });
    }
    const other = await sendRaw(shared.imageUrl, {
      target: '/v2/images',
      headers: { ...TOKEN, origin: OTHER },
    });
    expect(corsOf(other)).not.toHaveProperty('access-control-allow-origin');
  });

  it('may send what its preflight request names', async () => {
    const response = await preflight(shared, {
      origin: HORIZON,
      'access-control-request-method': 'PUT',
      'access-control-request-headers': 'x-auth-token, Content-Type,openstack-api-version',
    });
    expect(response.status).toBe(200);
    expect(corsOf(response)).toEqual({
      'access-control-allow-origin': HORIZON,
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '3600',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-auth-token,Content-Type,openstack-api-version',
      vary: 'X-Auth-Token, Origin',
    });
  });

  it.each([
    ['another method', { 'access-control-request-method': 'TRACE' }],
    ['no method', {}],
    [
      'another header',
      { 'access-control-request-method': 'GET', 'access-control-request-headers': 'x-auth-token, x-other' },
    ],
  ])('may not send %s', async (_, headers: Record<string, string>) => {
    const response = await preflight(shared, { origin: HORIZON, ...headers });
    expect([response.status, corsOf(response)]).toEqual([200, { vary: 'X-Auth-Token, Origin' }]);
  });
});

describe('any other page', () => {
  it('may read nothing', async () => {
    for (const headers of [{ origin: OTHER }, { origin: `${HORIZON}.evil.org` }, { origin: 'null' }, {}]) {
      for (let time = 0; time < 2; time++) {
        const response = await sendRaw(shared.url, { target: ITEM, headers: { ...TOKEN, ...headers } });
        const vary = 'OpenStack-API-Version, X-OpenStack-Nova-API-Version, X-Auth-Token, Origin';
        expect([response.status, corsOf(response)]).toEqual([200, { vary }]);
      }
    }
    const response = await preflight(shared, { origin: OTHER, 'access-control-request-method': 'GET' });
    expect([response.status, corsOf(response)]).toEqual([200, { vary: 'X-Auth-Token, Origin' }]);
  });

  it('may where all origins are allowed', async () => {
    const open = await startService(database, {
      GLIMPSE_CORS_ALLOWED_ORIGIN: '*',
      GLIMPSE_CORS_ALLOW_CREDENTIALS: 'false',
      GLIMPSE_CORS_EXPOSE_HEADERS: 'ETag, Age',
      GLIMPSE_CORS_MAX_AGE: '0',
      GLIMPSE_CORS_ALLOW_METHODS: 'GET',
      GLIMPSE_CORS_ALLOW_HEADERS: 'X-Own',
    });
    try {
      const response = await sendRaw(open.url, { target: ITEM, headers: { ...TOKEN, origin: OTHER } });
      expect(corsOf(response)).toMatchObject({
        'access-control-allow-origin': '*',
        'access-control-expose-headers': 'ETag,Age',
      });
      expect(response.headers).not.toHaveProperty('access-control-allow-credentials');
      const preflightHeaders = {
        origin: OTHER,
        'access-control-request-method': 'GET',
        'access-control-request-headers': 'x-own',
      };
      expect(corsOf(await preflight(open, preflightHeaders))).toEqual({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET',
        'access-control-allow-headers': 'x-own',
        vary: 'X-Auth-Token, Origin',
      });
    } finally {
      await open.stop();
    }
  });
});

it('shares nothing with pages unless it is set', async () => {
  for (const method of ['GET', 'OPTIONS']) {
    const headers = { ...TOKEN, origin: HORIZON, 'access-control-request-method': 'GET' };
    const response = await sendRaw(closed.url, { method, target: ITEM, headers });
    expect(corsOf(response)).toEqual({ vary: expect.stringMatching(/X-Auth-Token$/) });
  }
});
