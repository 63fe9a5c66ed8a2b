import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { PIECE_BYTES, UnreadResponses } from './unread-responses.js';

const MIB = 2 ** 20;
/** More than the system takes for a client that does not read. */
const LARGE = Buffer.alloc(16 * MIB);

let server: Server;
const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  server.close();
});

async function serve(unread: UnreadResponses): Promise<void> {
  server = createServer((_request, response) => {
    unread.count(response, LARGE.length);
    const body = unread.inPieces(response, LARGE);
    if (body instanceof Readable) body.pipe(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** A client that requests the large response, and reads of it only what a test makes it read. */
async function request(): Promise<{ client: Socket; response: ServerResponse }> {
  const received = once(server, 'request') as Promise<[unknown, ServerResponse]>;
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  opened.push(client.pause());
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  const [, response] = await received;
  return { client, response };
}

describe('responses that their clients have not read', () => {
  it('leave no room for others beyond the bound, but for small ones', async () => {
    const unread = new UnreadResponses(20 * MIB);
    await serve(unread);
    expect(unread.admits(16 * MIB)).toBe(true);
    await request();
    expect(unread.admits(4 * MIB)).toBe(true);
    expect(unread.admits(5 * MIB)).toBe(false);
    expect(unread.admits(100)).toBe(true);
  });

  it('make room once their clients have read them', async () => {
    const unread = new UnreadResponses(20 * MIB);
    await serve(unread);
    const { client, response } = await request();
    expect(unread.admits(16 * MIB)).toBe(false);
    client.resume();
    await once(response, 'close');
    expect(unread.admits(16 * MIB)).toBe(true);
  });

  it('make room when their clients leave', async () => {
    const unread = new UnreadResponses(20 * MIB);
    await serve(unread);
    const { client, response } = await request();
    client.destroy();
    await once(response, 'close');
    expect(unread.admits(16 * MIB)).toBe(true);
  });

  it('are kept as long as their clients may be stalled', async () => {
    const unread = new UnreadResponses(20 * MIB, 60_000);
    await serve(unread);
    const { response } = await request();
    await sleep(600);
    expect(unread.admits(16 * MIB)).toBe(false);
    expect(response.req.socket.destroyed).toBe(false);
  });

  it('are given up where a client reads nothing, and not where it reads slowly', async () => {
    const unread = new UnreadResponses(36 * MIB);
    await serve(unread);
    const [stalled, slow] = [await request(), await request()];
    slow.client.on('data', () => slow.client.pause());
    const reads = setInterval(() => slow.client.resume(), 10);
    while (!unread.admits(16 * MIB)) await sleep(20);
    clearInterval(reads);
    expect(stalled.response.req.socket.destroyed).toBe(true);
    expect(slow.response.req.socket.destroyed).toBe(false);
  });

  it('are written piece by piece, between which other requests are processed', async () => {
    let iterations = 0;
    let next = setImmediate(function count() {
      iterations++;
      next = setImmediate(count);
    });
    const pieces = new UnreadResponses(MIB).inPieces({} as ServerResponse, Buffer.alloc(MIB)) as Readable;
    const begun: number[] = [];
    for await (const piece of pieces) {
      expect(piece).toHaveLength(PIECE_BYTES);
      begun.push(iterations);
    }
    clearImmediate(next);
    expect(new Set(begun).size).toBe(MIB / PIECE_BYTES);
  });
});
