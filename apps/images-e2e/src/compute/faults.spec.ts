import { writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { RawConnection, bytesOf, sendRaw, type RawResponse, type RawRequest } from '../harness/raw-http.js';
import {
  IDENTITIES,
  KEYSTONE_URL,
  newFolder,
  startService,
  tokenOf,
  type Service,
} from '../harness/service.js';

const DEMO = IDENTITIES['demo']!.project_id;
const PAGE_IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';
const ITEM = `/v2.1/images/${PAGE_IMAGE}`;
/** The most bytes of a body that are read. */
const LIMIT = 114_688;

let database: string;
let service: Service;
beforeAll(async () => {
  database = await createDatabase('contract');
  service = await startService(database);
});
afterAll(async () => {
  const failures = service
    .log()
    .split('\n')
    .filter((line) => line.includes('request-failed'));
  expect(failures).toEqual([]);
  await service.stop();
});

const TOKEN = { 'x-auth-token': tokenOf('demo') };

function send(method: string, target: string, request: Partial<RawRequest> = {}): Promise<RawResponse> {
  return sendRaw(service.url, { method, target, ...request, headers: { ...TOKEN, ...request.headers } });
}

/** Expects the headers that every response has. */
function expectCommonHeaders({ headers }: RawResponse): void {
  const id = headers['x-openstack-request-id'];
  expect(id).toMatch(/^req-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  expect(headers['x-compute-request-id']).toBe(id);
  expect(headers['cache-control']).toBe('private, no-cache');
  expect(headers['vary']).toMatch(/(?:^|, )X-Auth-Token$/);
  expect(headers['date']).toMatch(/GMT$/);
}

/** Expects a fault of the documented form, as JSON, with the headers that every response has. */
function expectFault(
  response: RawResponse,
  status: number,
  key: string,
  message: unknown = expect.any(String),
): void {
  expect(response.status).toBe(status);
  expect(JSON.parse(response.text)).toEqual({ [key]: { code: status, message } });
  expect(response.headers['content-type']).toBe('application/json; charset=UTF-8');
  expectCommonHeaders(response);
}

function expectUnauthenticated(response: RawResponse): void {
  expect(response.status).toBe(401);
  expect(JSON.parse(response.text)).toEqual({
    error: {
      code: 401,
      title: 'Unauthorized',
      message: 'The request you have made requires authentication.',
    },
  });
  expect(response.headers).toMatchObject({
    'content-type': 'application/json',
    'www-authenticate': `Keystone uri="${KEYSTONE_URL}"`,
  });
  expectCommonHeaders(response);
}

/** Routes of the API, and the methods that each has. */
const FACE_ROUTES = ['v2.1', `v2.1/${DEMO}`, 'v2', `v2/${DEMO}`].flatMap((prefix): [string, string][] => [
  [`/${prefix}/images`, 'GET, HEAD, OPTIONS'],
  [`/${prefix}/images/${PAGE_IMAGE}`, 'GET, HEAD, DELETE, OPTIONS'],
  [`/${prefix}/images/${PAGE_IMAGE}/metadata`, 'GET, HEAD, POST, PUT, OPTIONS'],
  [`/${prefix}/images/${PAGE_IMAGE}/metadata/architecture`, 'GET, HEAD, PUT, DELETE, OPTIONS'],
  [`/${prefix}/extensions`, 'GET, HEAD, OPTIONS'],
  [`/${prefix}/extensions/OS-DCF`, 'GET, HEAD, OPTIONS'],
]);

/** Routes that require no token. */
const OPEN_ROUTES = ['/', '/v9/', '/livez', '/readyz', '/healthz', '/metrics'];

const METHODS = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'PURGE', 'SEARCH', 'M-SEARCH'];

/** Bodies that must not matter with a wrong method. */
const BODIES: Record<string, Partial<RawRequest>> = {
  'no body': {},
  'broken JSON': { body: '{"metadata": ', headers: { 'content-type': 'application/json' } },
  'broken JSON without a content type': { body: '{"metadata": ' },
  'an empty body called JSON': { body: '', headers: { 'content-type': 'application/json' } },
  'a chunked body of an unknown type': {
    body: '3\r\n{{{\r\n0\r\n\r\n',
    headers: { 'transfer-encoding': 'chunked', 'content-type': 'nonsense' },
  },
};

describe('a wrong method', () => {
  it.each(FACE_ROUTES)('on %s is answered 405 and allows %s', async (target, allow) => {
    const wrong = METHODS.filter((method) => !allow.split(', ').includes(method));
    for (const method of wrong) {
      for (const request of Object.values(BODIES)) {
        const response = await send(method, target, request);
        expectFault(response, 405, 'badMethod', expect.stringContaining(method));
        expect(response.headers['allow']).toBe(allow);
      }
    }
  });

  it.each(OPEN_ROUTES)('on %s is answered 405 without a token', async (target) => {
    for (const method of METHODS.slice(1)) {
      const response = await send(method, target, { headers: { 'x-auth-token': undefined } });
      expectFault(response, 405, 'badMethod');
      expect(response.headers['allow']).toBe('GET, HEAD, OPTIONS');
    }
  });

  it('is 401 without a token, whether the route exists or not', async () => {
    const headers = { 'x-auth-token': undefined };
    expectUnauthenticated(await send('PATCH', ITEM, { headers }));
    expectUnauthenticated(await send('PATCH', '/v2.1/nosuch', { headers, body: '{' }));
  });

  it.each(['FOO', 'FETCH', 'GETX', 'get', "M!#$%&'*+.^_`|~1", 'DESCRIBE'])(
    'that HTTP does not define is not implemented: %s',
    async (method) => {
      const connection = await RawConnection.open(service.url);
      const good = bytesOf({ target: '/livez' });
      connection.write(Buffer.concat([good, bytesOf({ method, target: ITEM, headers: TOKEN }), good]));
      expect((await connection.response()).status).toBe(200);
      const response = await connection.response();
      expectFault(response, 501, 'notImplemented', `The method ${method} is not implemented.`);
      expect(response.headers['connection']).toBe('close');
      await connection.closed();
      expect(connection.rest).toBe('');
    },
  );

  it('CONNECT is refused', async () => {
    const response = await sendRaw(service.url, { method: 'CONNECT', target: 'images.example.com:443' });
    expectFault(response, 405, 'badMethod', expect.stringContaining('CONNECT'));
    expect(response.headers).toMatchObject({ allow: 'GET, HEAD, OPTIONS', connection: 'close' });
  });

  it('CONNECT by a client that disconnects leaves the service running', async () => {
    for (let round = 0; round < 20; round++) {
      const connection = await RawConnection.open(service.url);
      connection.write(bytesOf({ method: 'CONNECT', target: 'images.example.com:443' }));
      if (round % 2) await connection.response();
      connection.write('x'.repeat(10_000));
      connection.reset();
    }
    expect((await send('GET', '/livez')).status).toBe(200);
  });
});

describe('HEAD', () => {
  it.each([
    ...FACE_ROUTES.map(([target]) => target),
    ...['/', '/v2.1/', '/v9/', '/livez', '/readyz'],
    ...['/v2.1/nosuch', '/nosuch', '/v2.1/images/nosuch', '/v2.1/%zz', '/v2.1/images?limit=x'],
  ])('on %s is answered as GET, without a body', async (target) => {
    const connection = await RawConnection.open(service.url);
    const responses: RawResponse[] = [];
    for (const method of ['HEAD', 'GET']) {
      connection.write(bytesOf({ method, target, headers: TOKEN }));
      responses.push(await connection.response({ bodyless: method === 'HEAD' }));
    }
    connection.close();
    const [head, get] = responses.map(({ status, headers }) => {
      const { date: _date, 'x-compute-request-id': _id, 'x-openstack-request-id': _same, ...rest } = headers;
      return { status, ...rest };
    });
    expect(head).toEqual(get);
    expect(head).toHaveProperty('content-length', String(Buffer.byteLength(responses[1]!.text)));
  });
});

describe('OPTIONS', () => {
  it.each([
    ...FACE_ROUTES,
    ...OPEN_ROUTES.map((target) => [target, 'GET, HEAD, OPTIONS'] as const),
    ...['/nosuch', '/v2.1/nosuch', '/v2.1/images/', '*'].map((target) => [target, undefined] as const),
  ])('on %s is answered 200, empty, without a token, and allows %s', async (target, allow) => {
    const response = await sendRaw(service.url, { method: 'OPTIONS', target, body: '{' });
    expect(response).toMatchObject({ status: 200, text: '' });
    expect(response.headers['allow']).toBe(allow);
    expectCommonHeaders(response);
  });
});

describe('without a valid token', () => {
  it.each([
    ['no token', undefined],
    ['an empty token', ''],
    ['a token of blanks', '   '],
    ['garbage', 'garbage'],
    ['a token in the wrong case', tokenOf('demo').toUpperCase()],
    ['a token and a half', `${tokenOf('demo')}x`],
    ['two tokens', [tokenOf('demo'), tokenOf('alt')]],
    ['a token outside of ASCII', '\xff\xfe'],
    ['a token of 15,000 characters', 'x'.repeat(15_000)],
  ])('%s is answered 401 on every route of the API', async (_, token) => {
    const targets = [...FACE_ROUTES.map(([target]) => target), '/v2.1/nosuch', '/v2/nosuch/images/'];
    for (const target of targets) {
      expectUnauthenticated(await send('GET', target, { headers: { 'x-auth-token': token } }));
    }
  });

  it('neither microversion nor project nor query are validated', async () => {
    const headers = { 'x-auth-token': 'garbage', 'x-openstack-nova-api-version': '9.999' };
    expectUnauthenticated(await send('GET', '/v2.1/abc/images?limit=x', { headers }));
  });

  it('versions are described', async () => {
    for (const [target, status] of [
      ['/', 200],
      ['/v2.1/', 200],
      ['/v2/', 200],
      ['/v7', 300],
    ] as const) {
      const response = await sendRaw(service.url, { target });
      expect(response.status).toBe(status);
      expectCommonHeaders(response);
    }
  });
});

describe('a service token', () => {
  let own: Service;
  beforeAll(async () => {
    const file = join(newFolder(), 'identities.json');
    const roles = { user: ['member'], nova: ['service'], loud: ['SERVICE', 'member'], admin: ['admin'] };
    const entries = Object.entries(roles).map(([name, roles]) => [
      name,
      { user_id: name, user_name: name, project_id: DEMO, roles },
    ]);
    writeFileSync(file, JSON.stringify(Object.fromEntries(entries)));
    own = await startService(database, { GLIMPSE_IDENTITIES: file });
  });
  afterAll(() => own.stop());

  const sendTokens = (user: string, serviceToken: string): Promise<RawResponse> =>
    sendRaw(own.url, { target: ITEM, headers: { 'x-auth-token': user, 'x-service-token': serviceToken } });

  it.each(['nova', 'loud'])('%s, which has a service role, is accepted', async (token) => {
    expect((await sendTokens('user', token)).status).toBe(200);
  });

  it.each(['user', 'admin', 'garbage'])(
    '%s, which has no service role, refuses the request whatever the user token is',
    async (token) => {
      expectUnauthenticated(await sendTokens('user', token));
      expectUnauthenticated(await sendTokens('admin', token));
    },
  );

  it('requires a user token beside it', async () => {
    expectUnauthenticated(await sendTokens('', 'nova'));
    expectUnauthenticated(await sendTokens('garbage', 'nova'));
  });

  it('that is empty counts as absent', async () => {
    expect((await sendTokens('user', '')).status).toBe(200);
  });
});

describe('what is not there', () => {
  it('an image is not found', async () => {
    for (const id of ['nosuch', '00000000-0000-4000-8000-000000000000', `${PAGE_IMAGE}0`]) {
      expectFault(await send('GET', `/v2.1/images/${id}`), 404, 'itemNotFound', 'Image not found.');
    }
  });

  it('a route is not found', async () => {
    for (const target of ['/nosuch', '/v2.1/nosuch', '/v2.1/images/x/y', '/favicon.ico', '/v2.1/servers']) {
      for (const method of ['GET', 'POST', 'PURGE']) {
        const response = await send(method, target, { body: '{' });
        expectFault(response, 404, 'itemNotFound', 'The resource could not be found.');
      }
    }
  });
});

describe('a microversion', () => {
  it.each([
    { 'x-openstack-nova-api-version': '9.999' },
    { 'openstack-api-version': 'compute 9.999' },
    { 'openstack-api-version': 'compute 9.999', 'x-openstack-nova-api-version': '2.1' },
    { 'openstack-api-version': ['image 2.1', 'compute 9.999'] },
  ])('out of range is answered 406 and echoed: %j', async (headers) => {
    const response = await send('GET', ITEM, { headers });
    const message = 'Version 9.999 is not supported by the API. Minimum is 2.1 and maximum is 2.93.';
    expectFault(response, 406, 'computeFault', message);
    expect(response.headers).toMatchObject({
      'openstack-api-version': 'compute 9.999',
      'x-openstack-nova-api-version': '9.999',
      vary: 'OpenStack-API-Version, X-OpenStack-Nova-API-Version, X-Auth-Token',
    });
  });

  it.each(['2', '2.01', '02.1', '2.1.1', 'two', '-2.1', '2.1 2.2', '2.x', '٢.١', 'LATEST', ''])(
    'that is malformed is answered 400: %j',
    async (version) => {
      const headers = { 'x-openstack-nova-api-version': Buffer.from(version).toString('latin1') };
      const response = await send('GET', ITEM, { headers });
      expectFault(
        response,
        400,
        'badRequest',
        expect.stringMatching(/^API Version String .* is of invalid format/),
      );
    },
  );

  it('is parsed in linear time', async () => {
    const costOf = async (filling: string): Promise<number> => {
      const headers = { 'openstack-api-version': `compute x${filling.repeat(15_000)}x` };
      const from = performance.now();
      expectFault(await send('GET', '/v2.1/', { headers }), 400, 'badRequest');
      return performance.now() - from;
    };
    const costs: { spaces: number[]; letters: number[] } = { spaces: [], letters: [] };
    for (let round = 0; round < 10; round++) {
      costs.letters.push(await costOf('x'));
      costs.spaces.push(await costOf(' '));
    }
    // In quadratic time the long one would take hundreds of times as long.
    expect(Math.min(...costs.spaces)).toBeLessThan(20 * Math.min(...costs.letters));
  });
});

describe('a body', () => {
  const chunked = (length: number, chunk = 4096): string => {
    const whole = `${chunk.toString(16)}\r\n${'x'.repeat(chunk)}\r\n`.repeat(Math.floor(length / chunk));
    const rest = length % chunk;
    return `${whole}${rest ? `${rest.toString(16)}\r\n${'x'.repeat(rest)}\r\n` : ''}0\r\n\r\n`;
  };
  const CHUNKED = { 'transfer-encoding': 'chunked' };

  const TARGETS: [method: string, target: string, status: number][] = [
    ['POST', `${ITEM}/metadata`, 400],
    ['PUT', `${ITEM}/metadata/architecture`, 400],
    ['GET', ITEM, 200],
    ['OPTIONS', ITEM, 200],
    ['PATCH', ITEM, 405],
    ['POST', '/v2.1/nosuch', 404],
    ['GET', '/livez', 200],
    ['PURGE', '/nosuch', 404],
  ];

  it.each(TARGETS)('of %s %s as large as allowed is read', async (method, target, status) => {
    expect((await send(method, target, { body: 'x'.repeat(LIMIT) })).status).toBe(status);
    const request = { body: chunked(LIMIT), headers: CHUNKED };
    expect((await send(method, target, request)).status).toBe(status);
  });

  it.each(TARGETS)(
    'of %s %s beyond that is answered 413, and the connection ends',
    async (method, target) => {
      const requests: Partial<RawRequest>[] = [
        { body: 'x'.repeat(LIMIT + 1) },
        { body: chunked(LIMIT + 1), headers: CHUNKED },
        // A client that only declares the length gets the response before it sends the body.
        { body: '', headers: { 'content-length': String(LIMIT + 1) } },
        { body: '', headers: { 'content-length': String(Number.MAX_SAFE_INTEGER) } },
        // A client that keeps sending gets it too.
        { body: 'x'.repeat(8_000_000) },
        { body: chunked(8_000_000, 65_536), headers: CHUNKED },
      ];
      for (const request of requests) {
        const connection = await RawConnection.open(service.url);
        connection.write(bytesOf({ method, target, ...request, headers: { ...TOKEN, ...request.headers } }));
        const message = 'The request body is larger than 114688 bytes.';
        const response = await connection.response();
        expectFault(response, 413, 'overLimit', message);
        expect(response.headers['connection']).toBe('close');
        await connection.closed();
        connection.close();
      }
    },
  );

  it('beyond that is answered 413 also to a client that reads only after it has written everything', async () => {
    for (let round = 0; round < 10; round++) {
      const body = Buffer.alloc(8_000_000);
      const response = await fetch(`${service.url}${ITEM}/metadata`, {
        method: 'POST',
        headers: TOKEN,
        body,
      });
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ overLimit: { code: 413 } });
    }
  });

  it('that was too large ends the processing of its connection', async () => {
    const victim = '22222222-0000-4000-8000-000000000002';
    const connection = await RawConnection.open(service.url);
    const large = bytesOf({
      method: 'POST',
      target: `${ITEM}/metadata`,
      headers: TOKEN,
      body: 'x'.repeat(LIMIT + 1),
    });
    const deletion = bytesOf({ method: 'DELETE', target: `/v2.1/images/${victim}`, headers: TOKEN });
    connection.write(Buffer.concat([large, deletion]));
    expectFault(await connection.response(), 413, 'overLimit');
    connection.write(deletion);
    await connection.closed();
    expect(connection.rest).toBe('');
    expect((await send('GET', `/v2.1/images/${victim}`)).status).toBe(200);
    connection.close();
  });

  it('is not waited for where the response does not depend on it', async () => {
    const headers = { 'content-length': '10' };
    expect((await send('GET', ITEM, { headers, body: 'half' })).status).toBe(200);
  });

  it.each(['application/xml', 'application/x-www-form-urlencoded', 'text/html;a=b', 'nonsense', '\xff;;='])(
    'of the media type %s is answered 415, once the token is known',
    async (type) => {
      const headers = { 'content-type': type };
      for (const [method, target] of [
        ['POST', `${ITEM}/metadata`],
        ['PUT', `${ITEM}/metadata/architecture`],
      ] as const) {
        const response = await send(method, target, { body: '{}', headers });
        expectFault(response, 415, 'badMediaType', 'Unsupported Content-Type');
        expectUnauthenticated(
          await send(method, target, { body: '{}', headers: { ...headers, 'x-auth-token': 'x' } }),
        );
      }
      expect((await send('GET', ITEM, { headers })).status).toBe(200);
    },
  );

  it.each(['application/json', 'Application/JSON; charset=utf-8', 'text/plain', '', undefined])(
    'of the media type %s is read',
    async (type) => {
      const headers = { 'content-type': type };
      const response = await send('PUT', `${ITEM}/metadata`, { body: '{}', headers });
      expectFault(response, 400, 'badRequest', "'metadata' is a required property");
    },
  );

  it('of broken chunks is answered 400', async () => {
    const response = await send('POST', `${ITEM}/metadata`, { headers: CHUNKED, body: 'zz\r\n{}\r\n' });
    expectFault(response, 400, 'badRequest', 'The request is not well-formed HTTP.');
  });
});

describe('request line and headers', () => {
  it.each<[string, RawRequest]>([
    ['a header', { target: ITEM, headers: { 'x-large': 'x'.repeat(20_000) } }],
    ['headers together', { target: ITEM, headers: { 'x-many': Array.from({ length: 4000 }, () => 'x') } }],
    ['a path', { target: `/${'x'.repeat(20_000)}` }],
    ['a query', { target: `${ITEM}?${'x'.repeat(20_000)}` }],
    ['a header that goes on and on', { target: ITEM, headers: { 'x-large': 'x'.repeat(2_000_000) } }],
  ])('beyond 16 KiB are answered 431: %s', async (_, request) => {
    const connection = await RawConnection.open(service.url);
    connection.write(bytesOf(request));
    const response = await connection.response();
    expectFault(response, 431, 'badRequest', 'The request line and headers are larger than 16384 bytes.');
    expect(response.headers['connection']).toBe('close');
    await connection.closed();
    connection.close();
  });

  it.each(['garbage', '200-ok', '100-continue, garbage'])(
    'that expect %s are answered 417',
    async (expectation) => {
      const connection = await RawConnection.open(service.url);
      const headers = { ...TOKEN, expect: expectation };
      connection.write(bytesOf({ method: 'PUT', target: `${ITEM}/metadata`, headers, body: '{}' }));
      const response = await connection.response();
      expectFault(response, 417, 'badRequest', 'The only expectation that is met is 100-continue.');
      expect(response.headers['connection']).toBe('close');
      await connection.closed();
      connection.close();
    },
  );

  it('that expect 100-continue get it', async () => {
    const connection = await RawConnection.open(service.url);
    const headers = { ...TOKEN, expect: '100-Continue', 'content-length': '2' };
    connection.write(bytesOf({ method: 'PUT', target: `${ITEM}/metadata`, headers }));
    await until(() => connection.rest !== '');
    expect(connection.rest).toMatch(/^HTTP\/1\.1 100 Continue/);
    connection.write('{}');
    expectFault(await connection.response(), 400, 'badRequest', "'metadata' is a required property");
    connection.close();
  });

  it.each(['0.9', '2.0', '1.2', '3.0', '1.10'])('of HTTP/%s are answered 400', async (version) => {
    expectFault(await send('GET', ITEM, { version }), 400, 'badRequest');
  });

  it('of HTTP/1.0 are answered, and the connection ends', async () => {
    const connection = await RawConnection.open(service.url);
    connection.write(bytesOf({ target: ITEM, version: '1.0', headers: TOKEN }));
    expect((await connection.response()).status).toBe(200);
    await connection.closed();
  });
});

describe('a chunked request of HTTP/1.0', () => {
  it.each([
    ['POST', `${ITEM}/metadata`, 400],
    ['GET', ITEM, 200],
    ['GET', '/livez', 200],
  ])('is the last of its connection: %s %s', async (method, target, status) => {
    const connection = await RawConnection.open(service.url);
    const headers = { ...TOKEN, connection: 'keep-alive', 'transfer-encoding': 'chunked' };
    const request = bytesOf({ method, target, version: '1.0', headers, body: '2\r\n{}\r\n0\r\n\r\n' });
    connection.write(Buffer.concat([request, request]));
    const response = await connection.response();
    expect(response.status).toBe(status);
    expect(response.headers['connection']).toBe('close');
    await connection.closed();
    expect(connection.rest).toBe('');
  });
});

describe('pipelined requests', () => {
  const good = bytesOf({ target: ITEM, headers: TOKEN });

  it.each([
    ['garbage', Buffer.from('garbage\r\n\r\n'), 400],
    ['a broken header', Buffer.from('GET / HTTP/1.1\r\nno colon\r\n\r\n'), 400],
    ['headers over the limit', bytesOf({ target: '/', headers: { 'x-large': 'x'.repeat(20_000) } }), 431],
    [
      'a body that expects 100-continue',
      bytesOf({
        method: 'PUT',
        target: `${ITEM}/metadata`,
        headers: { ...TOKEN, expect: '100-continue' },
        body: '{}',
      }),
      400,
    ],
    ['an odd expectation', bytesOf({ target: ITEM, headers: { expect: 'x' } }), 417],
    ['CONNECT', bytesOf({ method: 'CONNECT', target: 'a:1' }), 405],
    [
      'a broken body',
      bytesOf({
        method: 'PUT',
        target: `${ITEM}/metadata`,
        headers: { ...TOKEN, 'transfer-encoding': 'chunked' },
        body: 'zz',
      }),
      400,
    ],
    ['a bad Host', bytesOf({ target: ITEM, headers: { host: 'a/b' } }), 400],
    [
      'a body over the limit',
      bytesOf({ method: 'POST', target: '/nosuch', body: 'x'.repeat(LIMIT + 1) }),
      413,
    ],
  ])('are answered in their order when %s follows good ones', async (_, bad, status) => {
    for (let round = 0; round < 10; round++) {
      const connection = await RawConnection.open(service.url);
      connection.write(Buffer.concat([good, good, bad, good]));
      for (let answered = 0; answered < 2; answered++) {
        const response = await connection.response();
        expect(response.status).toBe(200);
        expect(response.text).toContain('"name":"fakeimage7"');
      }
      expect((await connection.response()).status).toBe(status);
      connection.close();
    }
  });

  it('get no response behind the last one of a connection, which arrives in full', async () => {
    const { hostname, port } = new URL(service.url);
    const socket = connect({ host: hostname, port: Number(port) });
    let received = '';
    socket.on('data', (chunk) => (received += chunk.toString())).on('error', () => undefined);
    const odd = bytesOf({ target: ITEM, headers: { ...TOKEN, expect: 'x' } });
    // As many as the service has received when it closes: with more, the connection may be reset.
    socket.write(odd.toString() + good.toString().repeat(400));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 417']);
    const [head = '', body = ''] = received.split('\r\n\r\n');
    expect(head).toContain(`content-length: ${Buffer.byteLength(body)}`);
  });

  it('get 100 Continue in their order, and those behind them are answered too', async () => {
    const connection = await RawConnection.open(service.url);
    const headers = { ...TOKEN, expect: '100-continue' };
    const waits = bytesOf({ method: 'PUT', target: `${ITEM}/metadata`, headers, body: '{}' });
    connection.write(Buffer.concat([good, good, waits.subarray(0, -2)]));
    for (let answered = 0; answered < 2; answered++) {
      expect((await connection.response()).text).toContain('"name":"fakeimage7"');
    }
    await until(() => connection.hasReceived('HTTP/1.1 100 Continue'));
    connection.write(Buffer.concat([waits.subarray(-2), good]));
    expect((await connection.response()).status).toBe(400);
    expect((await connection.response()).text).toContain('"name":"fakeimage7"');
    connection.close();
  });
});

describe('a client that half-closes its connection', () => {
  const request = bytesOf({ target: ITEM, headers: TOKEN });

  it.each([
    ['one request', [request], [200]],
    ['several', [request, request, request], [200, 200, 200]],
    ['half a request behind one', [request, request.subarray(0, 40)], [200, 400]],
    ['half a request', [request.subarray(0, 40)], [400]],
  ])('still gets its responses to %s, and then the end of the connection', async (_, sent, statuses) => {
    const connection = await RawConnection.open(service.url);
    connection.write(Buffer.concat(sent));
    connection.end();
    for (const status of statuses) expect((await connection.response()).status).toBe(status);
    await connection.closed();
    expect(connection.rest).toBe('');
  });
});

describe('extensions', () => {
  const IMAGE_SIZE = {
    alias: 'OS-EXT-IMG-SIZE',
    description: 'Adds image size to image listings.',
    links: [],
    name: 'ImageSize',
    namespace: 'http://docs.openstack.org/compute/ext/fake_xml',
    updated: '2014-12-03T00:00:00Z',
  };
  const DISK_CONFIG = {
    ...IMAGE_SIZE,
    alias: 'OS-DCF',
    description: 'Disk Management Extension.',
    name: 'DiskConfig',
  };

  it.each(['/v2.1', `/v2.1/${DEMO}`, '/v2'])('are listed and shown under %s', async (prefix) => {
    const list = await send('GET', `${prefix}/extensions`);
    expect(list.status).toBe(200);
    expect(JSON.parse(list.text)).toEqual({ extensions: [DISK_CONFIG, IMAGE_SIZE] });
    expectCommonHeaders(list);
    for (const extension of [DISK_CONFIG, IMAGE_SIZE]) {
      const response = await send('GET', `${prefix}/extensions/${extension.alias}`);
      expect(JSON.parse(response.text)).toEqual({ extension });
    }
  });

  it.each(['NMN', 'os-dcf', '__proto__', 'constructor', '%00'])('%s is none', async (alias) => {
    const response = await send('GET', `/v2.1/extensions/${alias}`);
    expectFault(response, 404, 'itemNotFound', 'The resource could not be found.');
  });
});

describe('parameters of a list', () => {
  it.each([
    'criteria',
    'parameters',
    'constructor',
    '__proto__',
    'prototype',
    'toString',
    'hasOwnProperty',
    'then',
  ])('that is named %s is ignored, and disables no check', async (name) => {
    expect((await send('GET', `/v2.1/images?${name}=x`)).status).toBe(200);
    expectFault(await send('GET', `/v2.1/images?${name}=x&minRam=x`), 400, 'badRequest');
  });

  it.each(['status', 'name', 'server', 'type', 'property-x', 'search'])(
    'matches no image where %s has an impossible value',
    async (name) => {
      for (const value of ['%00%00%00', 'a%00b']) {
        const response = await send('GET', `/v2.1/images?${name}=${value}`);
        expect([value, response.status, JSON.parse(response.text)]).toEqual([value, 200, { images: [] }]);
      }
    },
  );
});

describe('metrics', () => {
  const metrics = async (url: string): Promise<string> => (await fetch(`${url}/metrics`)).text();

  it('count requests by route, method and status, and name the running version', async () => {
    const count = async (route: string, method: string, status: number): Promise<number> => {
      const labels = `{api="compute",route="${route}",method="${method}",status="${status}"}`;
      const lines = (await metrics(service.url)).split('\n');
      const line = lines.find((one) =>
        one.startsWith(`glimpse_http_request_duration_seconds_count${labels} `),
      );
      return Number(line?.split(' ').at(-1) ?? 0);
    };
    const cases = [
      ['GET', ITEM, '/v2.1/images/:image_id', 200],
      ['GET', '/v2.1/images/nosuch', '/v2.1/images/:image_id', 404],
      ['PURGE', '/nosuch-route', 'none', 404],
      ['GET', '/v2.1/%zz', 'none', 400],
    ] as const;
    for (const [method, target, route, status] of cases) {
      const before = await count(route, method, status);
      await send(method, target);
      expect([route, await count(route, method, status)]).toEqual([route, before + 1]);
    }
    expect(await metrics(service.url)).toMatch(
      /^glimpse_build_info\{version="\d[^"]*",node="v\d[^"]*"\} 1$/m,
    );
  });

  it('are on a port of their own when that is set, and then only there', async () => {
    const listener = createServer().listen(0, '127.0.0.1');
    await until(() => listener.listening);
    const { port } = listener.address() as AddressInfo;
    await new Promise((resolve) => listener.close(resolve));
    const own = await startService(database, { GLIMPSE_METRICS_PORT: String(port) });
    try {
      expect((await sendRaw(own.url, { target: '/metrics' })).status).toBe(404);
      expect(await metrics(`http://127.0.0.1:${port}`)).toContain('glimpse_build_info{');
    } finally {
      await own.stop();
    }
  });
});
