import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GlanceBehaviour } from '@glimpse/glance/testing';

/** Stands between a service and the run's Glance, and can make answers what they should not be. */
export class GlanceProxy {
  readonly url: string;
  /** How many requests came so far. */
  calls = 0;
  #behaviour: GlanceBehaviour = 'well';
  #only = /^/;

  private constructor(
    private readonly server: Server,
    private readonly glance: string,
  ) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  static async to(glance: string): Promise<GlanceProxy> {
    const server = createServer({ maxHeaderSize: 1 << 16 }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new GlanceProxy(server, glance);
  }

  /** Says what every following answer is like, or only those to some: `GET /v2/images?…`. */
  behave(how: GlanceBehaviour, only = /^/): void {
    this.#behaviour = how;
    this.#only = only;
  }

  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.calls++;
    const { method = '', url = '/', headers } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const how = this.#only.test(`${method} ${url}`) ? this.#behaviour : 'well';
    if (how === 'hang') return;
    if (how === 'cut') throw new Error('cut');
    if (how === 'not-json') return send(response, 200, Buffer.from('<html>busy</html>'));
    if (typeof how === 'object' && !('distort' in how)) {
      const text = 'json' in how ? JSON.stringify(how.json) : '<html>busy</html>';
      return send(response, 'json' in how ? 200 : how.status, Buffer.from(text));
    }
    const passed = Object.entries(headers).filter(([name]) => /^(?:x-|accept$|content-type$)/.test(name));
    const answer = await fetch(this.glance + url, {
      method,
      headers: Object.fromEntries(passed) as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    const body = Buffer.from(await answer.arrayBuffer());
    if (typeof how === 'object') {
      const text = how.distort(body.toString(), { method, path: url, body: '' });
      return send(response, answer.status, Buffer.from(text));
    }
    if (how === 'well' || body.length === 0) return send(response, answer.status, body);
    response.writeHead(answer.status, { 'content-type': 'application/json', 'content-length': body.length });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  }
}

function send(response: ServerResponse, status: number, body: Buffer): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);
}
