import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { RequestBodies } from './request-bodies.js';

const LIMIT = 114_688;

let server: Server;
afterEach(() => server.closeAllConnections());
afterEach(() => void server.close());

/** Starts a server that responds with the number of bytes that it received, or with the code of the error. */
async function serve(bodies: RequestBodies): Promise<void> {
  server = createServer((request, response) => {
    bodies.read(request).then(
      (body) => response.end(String(body.length)),
      (error: { code: string }) => response.setHeader('connection', 'close').end(error.code),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
}

function send(body: string, declared = body.length): Socket {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').on('error', () => undefined);
  socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${declared}\r\n\r\n${body}`);
  return socket;
}

async function responseOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) {
    text += String(chunk);
    if (/\r\n\r\n./.test(text)) break;
  }
  return text.split('\r\n\r\n')[1]!;
}

describe('bodies of requests', () => {
  it('are read to their end', async () => {
    await serve(new RequestBodies(LIMIT));
    expect(await responseOf(send('x'.repeat(100_000)))).toBe('100000');
  });

  it('have a time limit of their own', async () => {
    await serve(new RequestBodies(LIMIT, 50));
    expect(await responseOf(send('half', 8))).toBe('request-timeout');
  });

  it('that are incomplete make room for others, the oldest first', async () => {
    await serve(new RequestBodies(LIMIT, 60_000, 3));
    const slow: Socket[] = [];
    for (let count = 0; count < 3; count++) {
      const received = once(server, 'request');
      slow.push(send('half', 8));
      await received;
    }
    const refused = responseOf(slow[0]!);
    expect(await responseOf(send('whole'))).toBe('5');
    expect(await refused).toBe('overloaded');
    slow[1]!.write('more');
    expect(await responseOf(slow[1]!)).toBe('8');
  });

  it('of clients that disconnect use up no place', async () => {
    await serve(new RequestBodies(LIMIT, 60_000, 1));
    const received = once(server, 'request');
    const [left] = [send('half', 8), await received];
    left.destroy();
    expect(await responseOf(send('whole'))).toBe('5');
  });
});
