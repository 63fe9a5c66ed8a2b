import { setTimeout as sleep } from 'node:timers/promises';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { RawConnection, bytesOf, sendRaw, type RawRequest, type RawResponse } from '../harness/raw-http.js';
import { RawUpstream, type Exchange } from '../harness/raw-upstream.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const ID = '70a599e0-31e7-49b7-b260-868f441e862b';
const FILE = `/v2/images/${ID}/file`;
const STAGE = `/v2/images/${ID}/stage`;
const PROJECT = { kind: 'project', id: 'p1', name: 'demo' } as const;
/** The setting of the silence after which a request is given up, in seconds: a busy machine can use up its least, 1. */
const SILENCE_S = 2;

let keystone: FakeKeystone;
let upstream: RawUpstream;
let settings: Record<string, string>;
let service: Service;
let token: string;

beforeAll(async () => {
  [keystone, upstream] = await Promise.all([FakeKeystone.start(), RawUpstream.start()]);
  keystone.addUser({ name: 'glimpse', password: 'a password', roles: ['service', 'admin'] });
  token = keystone.issue({ userName: 'demo', scope: PROJECT, roles: ['member', 'reader'] });
  settings = {
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: 'glimpse',
    OS_PASSWORD: 'a password',
    OS_PROJECT_NAME: 'service',
    DATABASE_URL: databaseUrl(await createDatabase('migrated')),
    GLIMPSE_DATA_DIR: newFolder(),
    GLIMPSE_SOURCE: 'glance',
    GLIMPSE_GLANCE_URL: `${upstream.url}/v2`,
    GLIMPSE_IMAGE_URL: 'https://cloud.example.com/image',
    GLIMPSE_IMAGE_PORT: '0',
    GLIMPSE_GLANCE_SILENCE: String(SILENCE_S),
    GLIMPSE_GLANCE_TRANSFERS: '2',
    GLIMPSE_CORS_ALLOWED_ORIGIN: 'https://horizon.example.com',
  };
  service = await startMirror();
}, 60_000);
afterAll(async () => {
  await service?.stop();
  await Promise.all([keystone?.close(), upstream?.close()]);
}, 60_000);
afterEach(() => {
  upstream.serve = (exchange) => exchange.respond('200 OK');
});

async function startMirror(more: Record<string, string> = {}): Promise<Service> {
  const mirror = await startBareService({ ...settings, ...more });
  await until(async () => (await fetch(`${mirror.url}/readyz`)).ok);
  return mirror;
}

function authenticated(request: RawRequest): RawRequest {
  return { ...request, headers: { 'x-auth-token': token, ...request.headers } };
}

function send(request: RawRequest): Promise<RawResponse> {
  return sendRaw(service.imageUrl, authenticated(request));
}

/** A connection on which a request was written, or its beginning. */
async function open(request: RawRequest, to = service): Promise<RawConnection> {
  const connection = await RawConnection.open(to.imageUrl);
  connection.write(bytesOf(authenticated(request)));
  return connection;
}

/** The request that the upstream receives next. */
async function nextExchange(request: RawRequest): Promise<{ connection: RawConnection; exchange: Exchange }> {
  upstream.serve = () => undefined;
  const { length } = upstream.exchanges;
  const connection = await open(request);
  await until(() => upstream.exchanges.length > length);
  return { connection, exchange: upstream.last };
}

function upload(headers: RawRequest['headers'], body?: string): RawRequest {
  return {
    method: 'PUT',
    target: FILE,
    headers: { 'content-type': 'application/octet-stream', ...headers },
    ...(body !== undefined && { body }),
  };
}

const titleOf = ({ text }: RawResponse): string =>
  (JSON.parse(text) as { error: { title: string } }).error.title;

describe('a request that is passed on', () => {
  it('has the canonical path, the query as sent, and the headers of the client and Via alone', async () => {
    await send({
      method: 'POST',
      target: `//v2.9/metadefs//name%73paces/a%2Fb%25/?a=1&a=%zz&b=+`,
      headers: {
        'X-MiXed': 'Yes',
        'x-dup': ['1', '2'],
        'x-latin': 'caf\xe9',
        connection: 'keep-alive, X-Hop',
        'x-hop': 'no',
        te: 'trailers',
        'keep-alive': 'timeout=5',
        via: '1.1 haproxy',
        'x-service-token': 'of Nova',
      },
      body: '{}',
    });
    const { line, headers } = upstream.last;
    expect(line).toBe('POST /v2/metadefs/namespaces/a/b%25/?a=1&a=%zz&b=+ HTTP/1.1');
    expect(headers.sort()).toEqual([
      'Via: 1.1 glimpse',
      'X-MiXed: Yes',
      'connection: close',
      'content-length: 2',
      'host: images.example.com',
      'via: 1.1 haproxy',
      `x-auth-token: ${token}`,
      'x-dup: 1',
      'x-dup: 2',
      'x-latin: caf\xe9',
      'x-service-token: of Nova',
    ]);
  });

  it.each([
    ['with a length', { 'content-length': '2' }, 'hi'],
    ['in chunks', { 'transfer-encoding': 'chunked' }, '2\r\nhi\r\n0\r\n\r\n'],
  ])('has its body %s', async (_, framing, body) => {
    for (const method of ['PUT', 'DELETE', 'GET']) {
      upstream.serve = async (exchange) => {
        await exchange.received();
        exchange.respond('200 OK');
      };
      const response = await send({
        method,
        target: STAGE,
        headers: { 'content-type': 'x/y; z=1', ...framing },
        body,
      });
      expect(response.status).toBe(200);
      const { headers, body: received } = upstream.last;
      expect(headers).toContain('content-type: x/y; z=1');
      // The length of a short body may be known before it is sent.
      const isChunked = headers.includes('transfer-encoding: chunked');
      expect(isChunked || headers.includes('content-length: 2')).toBe(true);
      expect(received.toString()).toBe(isChunked ? '2\r\nhi\r\n0\r\n\r\n' : 'hi');
    }
  });

  it('is sent while it is received, and 100 Continue is sent here', async () => {
    const { connection, exchange } = await nextExchange(
      upload({ expect: '100-continue', 'transfer-encoding': 'chunked' }, '1\r\na\r\n'),
    );
    await until(() => connection.hasReceived('HTTP/1.1 100 Continue'));
    expect(exchange.head).not.toMatch(/^expect:/im);
    await until(() => exchange.body.includes('a'));
    connection.write('1\r\nb\r\n0\r\n\r\n');
    await exchange.received();
    exchange.respond('204 No Content');
    expect((await connection.response()).status).toBe(204);
    connection.close();
  });

  it('is broken at the upstream when its client goes away', async () => {
    const uploading = await nextExchange(upload({ 'content-length': '1000' }, 'x'));
    await until(() => uploading.exchange.body.length === 1);
    uploading.connection.close();
    await until(() => uploading.exchange.ended === 'broken');
    const waiting = await nextExchange({ target: FILE });
    waiting.connection.close();
    await until(() => waiting.exchange.ended !== undefined);
  });

  it.each([
    ['without a valid token', 'GET', FILE, { 'x-auth-token': 'bad' }, 401],
    ['with _method in its query', 'GET', `${FILE}?a=b&_method=DELETE`, {}, 400],
    ['with it encoded', 'GET', `${FILE}?%5Fmethod=DELETE`, {}, 400],
    ['with it behind a semicolon', 'HEAD', `${FILE}?a;_method`, {}, 400],
    ['with dot segments', 'GET', `/v2/images/../tasks`, {}, 404],
    ['that this service sent', 'GET', `/v2/tasks`, { via: '1.0 fred, 1.1 glimpse' }, 508],
    ['that this service sent to read', 'GET', `/v2/images`, { via: '1.1 glimpse' }, 508],
  ])('is not sent %s', async (_, method, target, headers, status) => {
    const { length } = upstream.exchanges;
    expect((await send({ method, target, headers })).status).toBe(status);
    expect(upstream.exchanges).toHaveLength(length);
  });

  it('is allowed by access rules for its method and canonical path, and by no form that Glance reads', async () => {
    const accessRules = [
      { service: 'image', method: 'POST', path: `/v2/images/${ID}/actions/deactivate` },
      { service: 'compute', method: 'DELETE', path: '/**' },
    ];
    const restricted = keystone.issue({ userName: 'demo', scope: PROJECT, roles: ['member'], accessRules });
    const call = async (
      method: string,
      target: string,
      headers: RawRequest['headers'] = {},
    ): Promise<number> =>
      (await send({ method, target, headers: { 'x-auth-token': restricted, ...headers } })).status;
    expect(await call('POST', `/v2.5//images/${ID}/actions/de%61ctivate`)).toBe(200);
    expect(await call('DELETE', `/v2/images/${ID}`)).toBe(401);
    expect(await call('POST', `/v2/images/${ID}/actions/reactivate`)).toBe(401);
    const form = { 'content-type': 'Application/X-WWW-form-urlencoded; charset=x' };
    expect(await call('POST', `/v2/images/${ID}/actions/deactivate`, form)).toBe(400);
  });
});

describe('the response to it', () => {
  it('is as the upstream sent it, except for one connection’s headers, Location and CORS', async () => {
    upstream.serve = (exchange) =>
      exchange.respond(
        '201 Fine By Me',
        [
          'Content-MD5: abc==',
          'X-CaseD-Name: v',
          'X-Dup: 1',
          'X-Dup: 2',
          'X-Latin: caf\xe9',
          'Connection: X-Hop, keep-alive',
          'X-Hop: gone',
          'Keep-Alive: timeout=7',
          'Access-Control-Allow-Origin: *',
          `Location: http://images.example.com/v2/images/${ID}`,
          'Date: Thu, 01 Jan 1970 00:00:00 GMT',
          'X-Openstack-Request-Id: req-of-glance',
          'Content-Type: text/html',
        ],
        'hi',
      );
    const connection = await open({
      method: 'POST',
      target: '/v2/tasks',
      headers: { origin: 'https://horizon.example.com' },
    });
    await until(() => connection.hasReceived('\r\n\r\nhi'));
    const lines = connection.rest.split('\r\n');
    expect(lines[0]).toBe('HTTP/1.1 201 Fine By Me');
    for (const line of [
      'Content-MD5: abc==',
      'X-CaseD-Name: v',
      'X-Dup: 1',
      'X-Dup: 2',
      'X-Latin: caf\xe9',
      `Location: https://cloud.example.com/image/v2/images/${ID}`,
      'Date: Thu, 01 Jan 1970 00:00:00 GMT',
      'X-Openstack-Request-Id: req-of-glance',
      'Content-Length: 2',
      'Via: 1.1 glimpse',
      'access-control-allow-origin: https://horizon.example.com',
      'vary: Origin',
    ]) {
      expect(lines).toContain(line);
    }
    expect(connection.rest).not.toMatch(/x-hop|timeout=7\r|origin: \*/i);
    connection.close();
    await until(() => service.log().includes('"sourceRequestId":"req-of-glance"'));
  });

  it.each([
    [
      'Glance’s URL',
      (url: string) => `${url}/v2/tasks/1?a=b`,
      'https://cloud.example.com/image/v2/tasks/1?a=b',
    ],
    ['another server', () => 'http://elsewhere.example.com/v2/x', 'http://elsewhere.example.com/v2/x'],
    ['a path', () => '/v2/x', '/v2/x'],
  ])('has a Location that leads to %s rewritten if need be', async (_, location, wanted) => {
    upstream.serve = (exchange) => exchange.respond('303 See Other', [`Location: ${location(upstream.url)}`]);
    expect((await send({ target: '/v2/tasks/2' })).headers['location']).toBe(wanted);
  });

  it('ends where the upstream ends it, in every framing', async () => {
    const sized = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-T: 1\r\n\r\n';
    const informed = 'HTTP/1.1 103 Early Hints\r\nLink: </s>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n';
    for (const bytes of [
      sized,
      chunked,
      informed + sized,
      'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi',
    ]) {
      upstream.serve = (exchange) => {
        exchange.write(bytes);
        if (!bytes.includes('hi\r\n') && !bytes.includes('Length')) exchange.connection.end();
      };
      expect(await send({ target: FILE })).toMatchObject({ status: 200, text: 'hi' });
    }
  });

  it('has no body to HEAD, and with 204 and 304, and the connection goes on', async () => {
    const connection = await RawConnection.open(service.imageUrl);
    for (const [method, bytes, headers] of [
      ['HEAD', '200 OK\r\nContent-Length: 12345', { 'content-length': '12345' }],
      ['GET', '204 No Content\r\nX-A: 1', { 'x-a': '1' }],
      ['GET', '304 Not Modified\r\nETag: "a"\r\nContent-Length: 77', { 'content-length': '77', etag: '"a"' }],
      ['DELETE', '204 No Content\r\nX-A: 2', { 'x-a': '2' }],
    ] as const) {
      upstream.serve = (exchange) => exchange.write(`HTTP/1.1 ${bytes}\r\n\r\n`);
      connection.write(bytesOf(authenticated({ method, target: STAGE })));
      const response = await connection.response({ bodyless: method === 'HEAD' });
      expect(response).toMatchObject({ status: Number(bytes.slice(0, 3)), headers, text: '' });
    }
    connection.close();
  });

  it.each([
    ['with a length', 'Content-Length: 100000\r\n\r\nhi', (exchange: Exchange) => exchange.connection.end()],
    [
      'that is reset',
      'Content-Length: 100000\r\n\r\nhi',
      (exchange: Exchange) => exchange.connection.resetAndDestroy(),
    ],
    [
      'in chunks',
      'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n',
      (exchange: Exchange) => exchange.connection.end(),
    ],
    ['that falls silent', 'Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n', () => undefined],
  ])('%s breaks where the upstream breaks', async (_, bytes, end) => {
    const { connection, exchange } = await nextExchange({ target: FILE });
    exchange.write(`HTTP/1.1 200 OK\r\n${bytes}`);
    await until(() => connection.hasReceived('hi'));
    end(exchange);
    await connection.closed();
    expect(connection.rest).not.toContain('0\r\n\r\n');
  });

  it.each([
    ['that closes the connection', (exchange: Exchange) => exchange.connection.destroy(), 502],
    ['that sends no HTTP', (exchange: Exchange) => exchange.write('garbage\r\n\r\n'), 502],
    [
      'that has passed the request on to this service',
      (exchange: Exchange) => exchange.respond('200 OK', ['Via: 1.1 glimpse']),
      508,
    ],
    ['that is silent', () => undefined, 504],
  ])('of an upstream %s is an error of this service', async (_, serve, status) => {
    upstream.serve = serve;
    const response = await send({ target: FILE });
    expect(response.status).toBe(status);
    expect(response.headers['x-openstack-request-id']).toMatch(/^req-/);
    expect(titleOf(response)).not.toBe('');
  });

  it('may take longer than the silence that is allowed', async () => {
    upstream.serve = async (exchange) => {
      exchange.write('HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n');
      for (const byte of 'slow but') {
        await sleep(SILENCE_S * 200);
        exchange.write(byte);
      }
    };
    expect((await send({ target: FILE })).text).toBe('slow but');
  });
});

describe('an upload', () => {
  /** Sends the rest of an upload after its response began, and returns that. */
  async function finish(connection: RawConnection): Promise<RawResponse> {
    const response = await connection.response();
    expect(response.headers['connection']).toBe('close');
    for (let n = 0; n < 20; n++) connection.write(Buffer.alloc(65_536));
    await connection.closed();
    return response;
  }
  const SIZE = { 'content-length': String(1 + 20 * 65_536) };

  it('gets an early response, and the rest of it is read', async () => {
    for (const close of [false, true]) {
      const { connection, exchange } = await nextExchange(upload(SIZE, 'x'));
      exchange.respond('409 Conflict', ['Content-Type: text/plain'], 'early');
      if (close) exchange.connection.resetAndDestroy();
      expect(await finish(connection)).toMatchObject({ status: 409, text: 'early' });
    }
  });

  it.each([
    ['whose upstream is lost', (exchange: Exchange) => exchange.connection.destroy(), 502],
    ['whose client is silent', () => undefined, 408],
  ])('%s gets a response, and is read to its end', async (_, serve, status) => {
    const { connection, exchange } = await nextExchange(upload(SIZE, 'x'));
    serve(exchange);
    expect((await finish(connection)).status).toBe(status);
  });

  it('that the upstream does not respond to is 504', async () => {
    upstream.serve = () => undefined;
    expect((await send(upload({}, 'data'))).status).toBe(504);
  });

  it('without a valid token, or during an outage of Keystone, is read to its end and never 503', async () => {
    const invalid = await open(upload({ ...SIZE, 'x-auth-token': 'bad' }, 'x'));
    expect((await finish(invalid)).status).toBe(401);
    const uncached = keystone.issue({ userName: 'demo', scope: PROJECT, roles: ['member'] });
    keystone.behave('cut', 'validations');
    const unknown = await open(upload({ ...SIZE, 'x-auth-token': uncached }, 'x'));
    expect((await finish(unknown)).status).toBe(502);
    keystone.behave('well', 'validations');
  });

  it('beyond the limit is 429 and read to its end, and other requests have places of their own', async () => {
    const held = [await nextExchange(upload(SIZE, 'x')), await nextExchange({ target: FILE })];
    const refused = await open(upload(SIZE, 'x'));
    expect((await finish(refused)).status).toBe(429);
    expect(await send({ target: FILE })).toMatchObject({ status: 503, headers: { 'retry-after': '1' } });
    upstream.serve = (exchange) => exchange.respond('200 OK');
    expect((await send({ target: '/v2/tasks' })).status).toBe(200);
    for (const { connection } of held) connection.close();
    await until(async () => (await send({ target: FILE })).status === 200);
  });

  it('in progress when the service stops is 502 and read to its end', async () => {
    const stopping = await startMirror({ GLIMPSE_SHUTDOWN_TIMEOUT: '2', GLIMPSE_GLANCE_SILENCE: '60' });
    upstream.serve = () => undefined;
    const { length } = upstream.exchanges;
    const connection = await open(upload(SIZE, 'x'), stopping);
    await until(() => upstream.exchanges.length > length);
    const ended = stopping.stop();
    expect((await finish(connection)).status).toBe(502);
    expect(await ended).toBe(0);
  }, 60_000);
});

describe('while Glance accepts no connections', () => {
  it('a request is 503 with Retry-After, an upload 502, and both at once', async () => {
    const gone = await RawUpstream.start();
    await gone.close();
    const mirror = await startMirror({ GLIMPSE_GLANCE_URL: gone.url });
    const call = (request: RawRequest): Promise<RawResponse> =>
      sendRaw(mirror.imageUrl, authenticated(request));
    for (let n = 0; n < 3; n++) {
      expect(await call({ target: '/v2/tasks' })).toMatchObject({
        status: 503,
        headers: { 'retry-after': '1' },
      });
      expect((await call(upload({}, 'data'))).status).toBe(502);
    }
    const metrics = await (await fetch(`${mirror.imageUrl}/metrics`)).text();
    expect(metrics).toContain('glimpse_passed_requests_total{outcome="unavailable"} 6');
    expect(metrics).toContain('glimpse_passed_requests 0');
    await mirror.stop();
  }, 60_000);
});
