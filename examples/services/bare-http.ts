/** A server on `node:http` alone. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  AuthenticationUnavailable,
  Unauthenticated,
  credentialsOf,
  authenticateRequest,
} from '@glimpse/auth';
import { trial } from './trial.js';

await trial(async ({ policy, ...options }) => {
  const server = createServer(async ({ method = '', url: path = '', headers }, response) => {
    try {
      const identity = await authenticateRequest(options, { method, path, headers });
      const allowed = policy.allows('delete_image', credentialsOf(identity), { project_id: 'p1' });
      response.writeHead(method === 'DELETE' && !allowed ? 403 : 200).end(identity.userName);
    } catch (error) {
      if (error instanceof Unauthenticated) {
        response.writeHead(401, { 'www-authenticate': error.challenge }).end();
      } else if (error instanceof AuthenticationUnavailable) {
        response.writeHead(503, { 'retry-after': String(error.retryAfter) }).end();
      } else {
        response.writeHead(500).end();
      }
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
});
