import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Answers a request at once, without any of what stands between the server and a controller, or says that it
 * cannot. Then the request goes its way as if nothing had been.
 */
export type Shortcut = (request: FastifyRequest, reply: FastifyReply) => boolean;
