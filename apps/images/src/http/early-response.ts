import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** How long a client may go on sending after it was sent the last response of its connection. */
export const LINGER_MS = 2_000;

/**
 * Completes a response that closes its connection only when the request has arrived in full, or after a while: to
 * close on unread bytes resets the connection, and the client may lose the response with it (RFC 9112, 9.6). The
 * client has all of the response before that, and knows its length.
 */
export function completeEarlyResponses(fastify: FastifyInstance): void {
  fastify.addHook('onSend', async ({ raw, method }, reply, payload) => {
    if (raw.complete || method === 'HEAD' || reply.getHeader('connection') !== 'close') return payload;
    if (typeof payload !== 'string' && !Buffer.isBuffer(payload)) return payload;
    void reply.header('content-length', Buffer.byteLength(payload));
    return Readable.from(untilReceived(raw, Buffer.from(payload)), { objectMode: false });
  });
}

async function* untilReceived(request: IncomingMessage, bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
  const over = new AbortController();
  const received = once(request.resume(), 'end', { signal: over.signal });
  const waited = sleep(LINGER_MS, undefined, { signal: over.signal });
  await Promise.race([received, waited]).catch(() => undefined);
  over.abort();
  await Promise.allSettled([received, waited]);
}
