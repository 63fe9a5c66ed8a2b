import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';

/** How long a client may go on sending after it was sent the last response of its connection. */
export const LINGER_MS = 2_000;

/** After this silence the client is assumed to wait for the response, or to have it. */
const SILENCE_MS = 250;

/**
 * Completes a response with which the server closes a connection only when the client has stopped sending: closing with
 * unread bytes resets the connection, and the client may lose the response (RFC 9112, 9.6). By then the client has the
 * whole response, and knows its length.
 */
export function completeEarlyResponses(fastify: FastifyInstance): void {
  fastify.addHook('onSend', async ({ raw, method }, reply, payload) => {
    if (method === 'HEAD' || reply.getHeader('connection') !== 'close') return payload;
    // `limitUnread` runs before, and has made bytes of every text.
    if (!Buffer.isBuffer(payload)) return payload;
    void reply.header('content-length', payload.length);
    return Readable.from(untilReceived(raw, payload), { objectMode: false });
  });
}

async function* untilReceived(request: IncomingMessage, bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
  await new Promise<void>((resolve) => {
    const finish = (): void => {
      clearTimeout(silence);
      clearTimeout(limit);
      resolve();
    };
    const silence = setTimeout(finish, SILENCE_MS);
    const limit = setTimeout(finish, LINGER_MS);
    request.on('data', () => silence.refresh());
    request.once('end', finish).once('close', finish).resume();
  });
}
