import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createHttpClient, timeLimit, withRetries, type HttpRequest } from './index.js';

let server: Server;
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const send = createHttpClient({ connectTimeoutMs: 2_000, maxResponseBytes: 100 });
const get = (url: string, limitMs = 10_000): HttpRequest => ({
  method: 'GET',
  url,
  signal: timeLimit(limitMs),
});

describe('the client', () => {
  it('sends and receives JSON, and computes when the request was sent by the clock of the server', async () => {
    let received = '';
    const url = await serve((request, response) => {
      request.on('data', (chunk: Buffer) => (received += chunk.toString()));
      request.on('end', () => {
        response.setHeader('date', 'Thu, 01 Jan 2026 00:00:10 GMT');
        response.statusCode = 201;
        response.end('{"a":[1]}');
      });
    });
    const { status, document, sentAt } = await send({ ...get(url), method: 'POST', body: { b: null } });
    expect({ status, document, received }).toEqual({
      status: 201,
      document: { a: [1] },
      received: '{"b":null}',
    });
    expect(sentAt!.getTime()).toBeLessThanOrEqual(Date.UTC(2026, 0, 1, 0, 0, 10));
  });

  it('has no document where the body is not JSON, and no time where the server shows none', async () => {
    const url = await serve((_, response) => {
      response.sendDate = false;
      response.end('<html>');
    });
    expect(await send(get(url))).toMatchObject({ status: 200, document: undefined, sentAt: undefined });
  });

  it.each<[kind: string, listener: RequestListener, limitMs: number]>([
    ['aborted', () => undefined, 50],
    ['broken', (request) => request.socket.destroy(), 10_000],
    ['too-long', (_, response) => response.end(`"${'a'.repeat(200)}"`), 10_000],
  ])('fails where a response is not complete: %s', async (kind, listener, limitMs) => {
    const url = await serve(listener);
    await expect(send(get(url, limitMs))).rejects.toMatchObject({ code: 'http-request-failed', kind });
  });

  it('fails where nothing listens', async () => {
    const url = await serve(() => undefined);
    server.close();
    await once(server, 'close');
    await expect(send(get(url))).rejects.toMatchObject({ kind: 'refused', reason: 'ECONNREFUSED' });
  });

  it('reads a response that is too long in part, with long strings emptied', async () => {
    const url = await serve((_, response) => response.end(`{"id":"x","long":"${'a'.repeat(2_000)}"}`));
    await expect(send(get(url))).rejects.toMatchObject({ kind: 'too-long' });
    const { document } = await send({ ...get(url), withoutLongStrings: true });
    expect(document).toEqual({ id: 'x', long: '' });
  });
});

describe('retries', () => {
  const retrying = withRetries(send, {
    pausesMs: [1, 1],
    isTransient: (outcome) => !('status' in outcome) || outcome.status === 503,
  });

  it('repeat a request until its outcome is not transient', async () => {
    let requests = 0;
    const url = await serve((request, response) => {
      requests++;
      if (requests === 1) return request.socket.destroy();
      response.statusCode = requests === 2 ? 503 : 200;
      return response.end('{}');
    });
    expect(await retrying(get(url))).toMatchObject({ status: 200 });
    expect(requests).toBe(3);
  });

  it('end with the last outcome', async () => {
    let requests = 0;
    const url = await serve((_, response) => {
      requests++;
      response.statusCode = 503;
      response.end();
    });
    expect(await retrying(get(url))).toMatchObject({ status: 503 });
    expect(requests).toBe(3);
  });

  it('end when the time limit is over', async () => {
    const url = await serve(() => undefined);
    await expect(retrying(get(url, 50))).rejects.toMatchObject({ kind: 'aborted' });
  });
});
