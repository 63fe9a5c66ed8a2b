import { createServer, type Server } from 'node:http';
import type { FakeGlance } from '@glimpse/glance/testing';

/** A server in front of a Glance, to which every token is one of the service's user. It does not listen yet. */
export function openGlance(glance: FakeGlance): Server {
  return createServer((request, response) => {
    const token = String(request.headers['x-auth-token']);
    glance.admit(token, { projectId: 'service', roles: ['service', 'admin'] });
    void fetch(glance.url + request.url!, { headers: { 'x-auth-token': token } }).then(
      async (upstream) => {
        response.writeHead(upstream.status, { 'content-type': upstream.headers.get('content-type') ?? '' });
        response.end(await upstream.text());
      },
      () => response.destroy(),
    );
  });
}
