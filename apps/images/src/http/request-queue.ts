import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The most requests of a connection that wait for earlier ones; the next is refused, and the connection closed. */
export const MAX_WAITING = 16;

const LAST = Symbol('last response');
const WAITING = Symbol('waiting requests');

/** A connection, the response to its last request, and the number of waiting requests. */
type Queued = Socket & { [LAST]?: ServerResponse; [WAITING]?: number };

/** The response to the last request of a connection, unless it is complete. */
export function unfinishedResponse(connection: Socket): ServerResponse | undefined {
  const last = (connection as Queued)[LAST];
  return last && !last.writableFinished && !last.destroyed ? last : undefined;
}

/**
 * Serves the requests of a connection one after another, and none while its client does not read: a pipelined read
 * returns the state after the change before it (RFC 9112, 9.3.2), and a pipeline uses no more resources than one
 * request. Requests after the final response of a connection are not served (9.6).
 *
 * @param refuse responds to the first request beyond {@link MAX_WAITING}, and closes the connection
 */
export function oneAtATime(listener: RequestListener, refuse: RequestListener): RequestListener {
  return (request, response) => {
    const connection: Queued = request.socket;
    const earlier = unfinishedResponse(connection);
    const waiting = connection[WAITING] ?? 0;
    if (waiting > MAX_WAITING || !connection.writable) {
      connection.pause();
      return;
    }
    connection[LAST] = response;
    if (!earlier && !connection.writableNeedDrain) {
      listener(request, response);
      return;
    }
    connection[WAITING] = waiting + 1;
    if (waiting === MAX_WAITING) {
      refuse(request, response);
      connection.pause();
      return;
    }
    const begin = (): void => {
      if (!connection.writable) return;
      if (connection.writableNeedDrain) return void connection.once('drain', begin);
      // After a refusal the number is not decremented, so that no further request is served.
      if (connection[WAITING]! <= MAX_WAITING) connection[WAITING]!--;
      listener(request, response);
    };
    if (earlier) earlier.once('close', begin);
    else begin();
  };
}
