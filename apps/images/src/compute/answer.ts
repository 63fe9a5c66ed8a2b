import type { FastifyReply } from 'fastify';

/**
 * Sends a document. As bytes: to a text Fastify would add a charset, which Nova's answers do not have.
 *
 * A copy that is served while the catalogue cannot be asked will answer 203 here.
 */
export function sendDocument(reply: FastifyReply, document: object): void {
  void reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(document)));
}
