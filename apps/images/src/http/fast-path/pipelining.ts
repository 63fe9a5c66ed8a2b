import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** How many requests of a connection wait. */
const waiting = new WeakMap<Socket, number>();

/**
 * Works on the requests of a connection one after another, and on none while its client does not read: a pipeline of
 * thousands takes no more room than one request does, whatever is answered, and what is changed first is changed
 * first (RFC 9112, 9.3.2). As long as any waits, nothing more is read from the connection. What comes behind the last
 * answer of a connection is not worked on at all (9.6).
 */
export function oneAtATime(listener: RequestListener): RequestListener {
  function begin(request: IncomingMessage, response: ServerResponse): void {
    const connection = request.socket;
    if (!connection.writable) return;
    if (connection.writableNeedDrain) {
      connection.once('drain', () => begin(request, response));
      return;
    }
    waitNoMore(connection);
    listener(request, response);
  }

  return (request, response) => {
    const connection = request.socket;
    if (!connection.writable) return;
    // Node gives a response its connection when all before it are sent.
    const isNext = response.socket !== null;
    if (isNext && !connection.writableNeedDrain) {
      listener(request, response);
      return;
    }
    wait(connection);
    if (isNext) begin(request, response);
    else response.once('socket', () => process.nextTick(begin, request, response));
  };
}

function wait(connection: Socket): void {
  const others = waiting.get(connection) ?? 0;
  waiting.set(connection, others + 1);
  if (others === 0) connection.on('resume', holdBack).pause();
}

function waitNoMore(connection: Socket): void {
  const others = waiting.get(connection)! - 1;
  if (others > 0) {
    waiting.set(connection, others);
  } else {
    waiting.delete(connection);
    connection.off('resume', holdBack).resume();
  }
}

/** Node would read on as soon as a client has taken its answers. Of one that has had its last, the rest is dropped. */
function holdBack(this: Socket): void {
  if (this.writable) this.pause();
}
