import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, it } from '@jest/globals';
import { Connections } from './connections.js';

const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

let server: Server;
const opened: Socket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.destroy();
  server.close();
});

async function serve(most: number, maxWaitMs: number, listener: RequestListener): Promise<void> {
  server = createServer((request, response) => {
    connections.busy(request.socket, response);
    listener(request, response);
  });
  const connections = new Connections(server, most, maxWaitMs);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
}

/** A connection that the server knows of. */
async function open(from = '127.0.0.1'): Promise<Socket> {
  const known = once(server, 'connection');
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', localAddress: from }).on('error', () => undefined);
  opened.push(socket.resume());
  await known;
  return socket;
}

async function respondedOn(socket: Socket): Promise<void> {
  socket.write(REQUEST);
  await once(socket, 'data');
}

describe('connections', () => {
  it('that have waited the longest make room for new ones', async () => {
    await serve(3, 60_000, (_request, response) => void response.end('ok'));
    const [first, second, third] = [await open(), await open(), await open()];
    await respondedOn(first);
    const closed = once(second, 'close');
    await respondedOn(await open());
    await closed;
    await respondedOn(third);
  });

  it('on which a request is worked on stay', async () => {
    let finish = (): void => undefined;
    await serve(2, 60_000, (_request, response) => (finish = () => void response.end('ok')));
    const busy = await open();
    const began = once(server, 'request');
    busy.write(REQUEST);
    await began;
    const idle = await open();
    const closed = once(idle, 'close');
    await open();
    await closed;
    finish();
    await once(busy, 'data');
  });

  it('are those of the remote address that has the most', async () => {
    await serve(4, 60_000, (_request, response) => void response.end('ok'));
    const other = await open('127.0.0.2');
    const many = [await open(), await open(), await open()];
    const closed = once(many[0]!, 'close');
    await open();
    await closed;
    await respondedOn(other);
  });

  it.each([
    ['an empty line now and then', '\r\n'],
    ['a head that comes byte by byte', 'x'],
  ])('do not stay open for %s', async (_, bytes) => {
    await serve(10, 1_500, (_request, response) => void response.end('ok'));
    const socket = await open();
    if (bytes === 'x') socket.write('GET / HTTP/1.1\r\n');
    else await respondedOn(socket);
    const closed = once(socket, 'close');
    const more = setInterval(() => socket.write(bytes), 100);
    await closed;
    clearInterval(more);
  });
});
