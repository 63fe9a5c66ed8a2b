import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { dropRest, WHOLE_BODY, type RestLimits } from './rest-of-body.js';

/** How long a client may go on sending after it was sent the last response of its connection. */
export const LINGER_MS = 2_000;

const BRIEFLY: RestLimits = { silenceMs: 250, limitMs: LINGER_MS };

/**
 * Completes a response with which the server closes a connection only when the client has stopped sending: closing with
 * unread bytes resets the connection, and the client may lose the response (RFC 9112, 9.6). By then the client has the
 * whole response, and knows its length.
 *
 * @param readsWholeBody whether the body of a request is read to its end, whatever its length
 */
export function completeEarlyResponses(
  fastify: FastifyInstance,
  readsWholeBody: (request: FastifyRequest) => boolean,
): void {
  fastify.addHook('onSend', async (request, reply, payload) => {
    if (request.method === 'HEAD' || reply.getHeader('connection') !== 'close') return payload;
    // `limitUnread` runs before, and has made bytes of every text.
    if (!Buffer.isBuffer(payload)) return payload;
    void reply.header('content-length', payload.length);
    const limits = readsWholeBody(request) ? WHOLE_BODY : BRIEFLY;
    return Readable.from(untilReceived(request.raw, payload, limits), { objectMode: false });
  });
}

async function* untilReceived(
  request: IncomingMessage,
  bytes: Buffer,
  limits: RestLimits,
): AsyncGenerator<Buffer> {
  yield bytes;
  await dropRest(request, limits);
}
