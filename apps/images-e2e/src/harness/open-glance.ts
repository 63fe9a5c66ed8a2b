import { createServer, type Server } from 'node:http';
import type { FakeGlance } from '@glimpse/glance/testing';

/** A server in front of a Glance, to which every token is one of the service's user. It does not listen yet. */
export function openGlance(glance: FakeGlance): Server {
  return createServer((request, response) => {
    const token = String(request.headers['x-auth-token']);
    glance.admit(token, { projectId: 'service', roles: ['service', 'admin'] });
    void fetch(glance.url + request.url!, { headers: { 'x-auth-token': token } }).then(
      async (upstream) => {
        const kept = ['content-type', 'date'].map(
          (name) => [name, upstream.headers.get(name) ?? ''] as const,
        );
        response.writeHead(upstream.status, Object.fromEntries(kept));
        response.end(await upstream.text());
      },
      () => response.destroy(),
    );
  });
}
