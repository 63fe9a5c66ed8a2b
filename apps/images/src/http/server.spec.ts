import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { Unauthenticated, developmentAuthenticator } from '@glimpse/auth';
import { DomainError } from '@glimpse/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FastifyInstance } from 'fastify';
import { Telemetry } from '../telemetry/telemetry.js';
import type { Api } from './api.js';
import type { ReadyResponse } from './fast-path/fast-path.js';
import { UnreadLimits } from './limits.js';
import { PLAIN_PATHS } from './path.js';
import { createServer } from './server.js';

/** A toy API: text bodies, PATCH, and a route that reads a stream. */
const TOY: Api = {
  name: 'toy',
  serviceType: 'toy',
  methods: ['GET', 'HEAD', 'PATCH', 'PUT'],
  maxBodyBytes: 10,
  timeLimits: { requestMs: 0, silenceMs: 1_500 },
  paths: PLAIN_PATHS,
  owns: (path) => path.startsWith('/toys'),
  isOpen: () => false,
  acceptsParameters: ({ toy }) => toy !== 'none',
  isUpload: () => false,
  streamsBody: (method, path) => method === 'PUT' && path.endsWith('/file'),
  responseHeaders: (requestId) => ({ 'x-toy-request-id': requestId }),
  faultOf: (error) => ({
    status: error instanceof Unauthenticated ? 401 : statusOf(error),
    headers: { 'content-type': 'text/plain' },
    body: (error as { code?: string }).code ?? 'failure',
  }),
  isExpected: (error) => error instanceof DomainError,
};
const STATUSES: Record<string, number> = {
  'route-not-found': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  'body-too-large': 413,
  overloaded: 503,
  'method-not-implemented': 501,
};
const statusOf = (error: unknown): number => STATUSES[(error as { code?: string }).code ?? ''] ?? 400;

const READY: ReadyResponse = {
  status: 200,
  headers: ['content-type', 'text/plain', 'content-length', '5'],
  body: 'ready',
  requestId: 'req-ready',
  caller: {
    userId: 'u',
    userName: 'u',
    scope: { kind: 'none' },
    roles: [],
    accessRules: null,
    expiresAt: null,
    service: false,
  },
  route: '/toys/ready',
};

let server: FastifyInstance;
/** What the routes did, in order. */
let served: string[] = [];
/** Ends the requests that a route holds. */
let release: () => void = () => undefined;

beforeAll(async () => {
  const identities = new Map([['good', READY.caller]]);
  const authenticator = await developmentAuthenticator(identities, 'http://keystone.example.com').create({});
  const adapter = createServer(TOY, {
    auth: { serviceType: TOY.serviceType, authenticator },
    telemetry: new Telemetry({ level: 'fatal', requests: false }),
    unread: new UnreadLimits(),
    fastPath: (_request, path) => (path === '/toys/ready' ? READY : undefined),
  });
  server = adapter.getInstance<FastifyInstance>();
  server.setErrorHandler((error, _request, reply) => {
    const { status, headers, body } = TOY.faultOf(error);
    void reply.code(status).headers(headers).send(Buffer.from(body));
  });
  server.get('/toys/:toy', async (request, reply) => {
    const { toy } = request.params as { toy: string };
    if (toy === 'held') await new Promise<void>((resolve) => (release = resolve));
    served.push(toy);
    return reply.type('text/plain').send(Buffer.from(toy));
  });
  server.patch('/toys/:toy', (request, reply) => {
    served.push(`patch ${String(request.body)}`);
    return reply.type('text/plain').send(request.body);
  });
  server.put('/toys/:toy/file', async (request, reply) => {
    let bytes = 0;
    for await (const chunk of request.body as Readable) bytes += (chunk as Buffer).length;
    return reply.type('text/plain').send(Buffer.from(`${bytes} bytes`));
  });
  await server.listen({ port: 0, host: '127.0.0.1' });
});
afterAll(() => server.close());

function open(): Socket {
  const { port } = server.server.address() as AddressInfo;
  return connect(port, '127.0.0.1').on('error', () => undefined);
}

async function received(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // Also by a reset, which may follow a response whose client has sent more.
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks).toString();
}

/** Sends the parts of a request, one after another, and returns all that comes until the connection is closed. */
async function exchange(...parts: string[]): Promise<string> {
  const socket = open();
  const response = received(socket);
  for (const part of parts) {
    socket.write(part);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return response;
}

const request = (line: string, ...headers: string[]): string =>
  [`${line} HTTP/1.1`, 'host: toys.example.com', 'x-auth-token: good', ...headers, '', ''].join('\r\n');
const get = (toy: string, ...headers: string[]): string => request(`GET /toys/${toy}`, ...headers);
const CLOSE = 'connection: close';
const bodies = (text: string): string[] =>
  text.split(/(?=HTTP\/1\.1 )/).map((response) => response.split('\r\n\r\n')[1]!);
const statuses = (text: string): string[] => text.match(/(?<=HTTP\/1\.1 )\d+/g) ?? [];

describe('the server of an API', () => {
  it('sends the headers, methods and fault bodies of that API', async () => {
    const found = await exchange(get('one', CLOSE));
    expect(found).toMatch(/^HTTP\/1\.1 200 OK\r\nx-toy-request-id: req-[0-9a-f-]{36}\r\n/);
    expect(bodies(found)).toEqual(['one']);
    const wrongMethod = await exchange(request('POST /toys/one', 'content-length: 0', CLOSE));
    expect(wrongMethod).toMatch(/^HTTP\/1\.1 405 /);
    expect(bodies(wrongMethod)).toEqual(['method-not-allowed']);
    const options = await exchange(request('OPTIONS /toys/one', CLOSE));
    expect(options).toMatch(/^allow: GET, HEAD, PATCH, OPTIONS\r$/m);
    expect(statuses(await exchange(get('none', CLOSE)))).toEqual(['404']);
  });

  it('requires a token for the paths that the API owns, and for no other', async () => {
    const withoutToken = (path: string): string => `GET ${path} HTTP/1.1\r\nhost: a\r\n${CLOSE}\r\n\r\n`;
    expect(statuses(await exchange(withoutToken('/toys/unknown/route')))).toEqual(['401']);
    expect(statuses(await exchange(withoutToken('/other')))).toEqual(['404']);
  });

  it('serves a query of up to 256 parameters', async () => {
    const toys = (parameters: number): string => {
      const query = Array.from({ length: parameters }, (_, at) => `p${at}=v`).join('&');
      return request(`GET /toys/one?${query}`, CLOSE);
    };
    expect(bodies(await exchange(toys(256)))).toEqual(['one']);
    expect(bodies(await exchange(toys(257)))).toEqual(['malformed-request']);
  });

  it('buffers a body up to the limit of the API', async () => {
    const patch = (length: number): string =>
      request('PATCH /toys/one', `content-length: ${length}`, CLOSE) + 'x'.repeat(length);
    expect(bodies(await exchange(patch(10)))).toEqual(['x'.repeat(10)]);
    expect(statuses(await exchange(patch(11)))).toEqual(['413']);
  });

  it('gives a route a body of unknown length as a stream', async () => {
    const chunk = 'x'.repeat(50_000);
    const chunks = Array.from({ length: 4 }, () => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
    const head = request('PUT /toys/one/file', 'transfer-encoding: chunked', CLOSE);
    expect(bodies(await exchange(head, ...chunks, '0\r\n\r\n'))).toEqual(['200000 bytes']);
  });

  it('gives up a streamed body on silence alone, and still sends its response', async () => {
    const head = request('PUT /toys/one/file', 'content-length: 100');
    const slow = Array.from({ length: 100 }, () => 'x');
    const { silenceMs } = TOY.timeLimits;
    const began = performance.now();
    const text = await exchange(head, ...slow, request('GET /toys/one', CLOSE));
    expect(bodies(text)).toEqual(['100 bytes', 'one']);
    expect(performance.now() - began).toBeGreaterThan(silenceMs);
    const silent = await exchange(head, 'x');
    expect(statuses(silent)).toEqual(['408']);
  });

  it.each([
    ['GET / HTTP/1.1\r\nbad header\r\n\r\n', '400', 'malformed-request'],
    ['\x16\x03\x01\x02', '400', 'malformed-request'],
    ['JUMP /toys HTTP/1.1\r\nhost: a\r\n\r\n', '501', 'method-not-implemented'],
    ['CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n', '405', 'method-not-allowed'],
    ['GET /toys HTTP/1.1\r\nexpect: more\r\nhost: a\r\n\r\n', '400', 'expectation-failed'],
  ])('responds to %j with %s, and closes', async (bytes, status, code) => {
    const text = await exchange(bytes);
    expect(statuses(text)).toEqual([status]);
    expect(bodies(text)).toEqual([code]);
    expect(text).toMatch(/^connection: close\r$/im);
  });

  it('sends the responses to complete requests before that to malformed bytes behind them', async () => {
    const text = await exchange(get('one') + get('ready') + get('two') + 'nonsense\r\n\r\n');
    expect(bodies(text)).toEqual(['one', 'ready', 'two', 'malformed-request']);
  });

  it('sends a whole early response to a client that continues sending its body', async () => {
    const socket = open();
    const response = received(socket);
    socket.write(request('PATCH /toys/one', 'content-length: 1000000'));
    // More than the system buffers, so that unread bytes would reset the connection.
    for (let sent = 0; sent < 40 && !socket.destroyed; sent++) {
      socket.write('x'.repeat(25_000));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const text = await response;
    expect(statuses(text)).toEqual(['413']);
    expect(bodies(text)).toEqual(['body-too-large']);
  });

  it('serves pipelined requests one after another, in order', async () => {
    served = [];
    const patch = request('PATCH /toys/one', 'content-length: 1') + '1';
    const socket = open();
    const response = received(socket);
    socket.write(get('held') + patch + get('ready') + get('two', CLOSE));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(served).toEqual([]);
    release();
    expect(bodies(await response)).toEqual(['held', '1', 'ready', 'two']);
    expect(served).toEqual(['held', 'patch 1', 'two']);
  });

  it('lets 16 pipelined requests wait, and refuses the next together with the connection', async () => {
    served = [];
    const socket = open();
    const response = received(socket);
    socket.write(get('held') + get('one').repeat(16) + get('beyond').repeat(1_000));
    await new Promise((resolve) => setTimeout(resolve, 50));
    release();
    const text = await response;
    expect(statuses(text)).toEqual([...Array.from({ length: 17 }, () => '200'), '503']);
    expect(served).toEqual(['held', ...Array.from({ length: 16 }, () => 'one')]);
  });

  it('serves no more than that to a client that reads nothing', async () => {
    served = [];
    const connected = once(server.server, 'connection') as Promise<[Socket]>;
    const socket = open().pause();
    const [connection] = await connected;
    const many = 20_000;
    socket.write(get('ready').repeat(many));
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(connection.writableLength).toBeLessThan(connection.writableHighWaterMark + 4_096);
    expect(connection.bytesRead).toBeLessThan(get('ready').length * many);
    socket.destroy();
  });

  it('serves nothing behind the last response of a connection', async () => {
    served = [];
    const text = await exchange(get('one', CLOSE) + get('two'));
    expect(bodies(text)).toEqual(['one']);
    expect(served).toEqual(['one']);
  });

  it('sends a response that is ready to a client that has closed its half', async () => {
    const socket = open();
    const response = received(socket);
    socket.end(get('ready'));
    expect(bodies(await response)).toEqual(['ready']);
  });
});
