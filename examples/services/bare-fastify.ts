/** A Fastify server without a framework on top. */
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import {
  AuthenticationUnavailable,
  PolicyRefused,
  Unauthenticated,
  credentialsOf,
  authenticateRequest,
} from '@glimpse/auth';
import { trial } from './trial.js';

await trial(async ({ policy, ...options }) => {
  const app = fastify();
  app.setErrorHandler((error, _request, reply) => {
    if (error instanceof Unauthenticated) reply.code(401).header('www-authenticate', error.challenge);
    else if (error instanceof AuthenticationUnavailable)
      reply.code(503).header('retry-after', error.retryAfter);
    else if (error instanceof PolicyRefused) reply.code(403);
    else reply.code(500);
    return reply.send();
  });
  app.route({
    method: ['GET', 'DELETE'],
    url: '/',
    handler: async ({ method, url: path, headers }) => {
      const identity = await authenticateRequest(options, { method, path, headers });
      const allowed = policy.allows('delete_image', credentialsOf(identity), { project_id: 'p1' });
      if (method === 'DELETE' && !allowed) throw new PolicyRefused('delete_image');
      return identity.userName;
    },
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => app.close() };
});
