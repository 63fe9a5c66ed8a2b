import type { RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The most requests of a connection that wait for earlier ones; the next is refused, and the connection closed. */
export const MAX_WAITING = 16;

const PENDING = Symbol('pending responses');
const WAITING = Symbol('waiting requests');

/** A connection, the responses to its requests in order, and the number of waiting requests. */
type Queued = Socket & { [PENDING]?: ServerResponse[]; [WAITING]?: number };

/** The responses of a connection that are not complete, in the order of their requests. */
export function pendingResponses(connection: Queued): ServerResponse[] {
  const pending = (connection[PENDING] ??= []);
  while (pending.length > 0 && (pending[0]!.writableFinished || pending[0]!.destroyed)) pending.shift();
  return pending;
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
    const pending = pendingResponses(connection);
    const earlier = pending.at(-1);
    const waiting = connection[WAITING] ?? 0;
    if (waiting > MAX_WAITING || !connection.writable) {
      connection.pause();
      return;
    }
    pending.push(response);
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
