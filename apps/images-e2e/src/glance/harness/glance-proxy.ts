import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { GlanceBehaviour } from '@glimpse/glance/testing';

/** A proxy between a service and the run's Glance that can break responses. */
export class GlanceProxy {
  readonly url: string;
  /** The requests so far, such as `GET /v2/images`. */
  readonly requests: string[] = [];
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

  /** Sets how following responses behave; `only` selects requests, such as `GET /v2/images?…`. */
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
    const { method = '', url = '/', headers } = request;
    this.requests.push(`${method} ${url}`);
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
    const upstream = await fetch(this.glance + url, {
      method,
      headers: Object.fromEntries(passed) as Record<string, string>,
      ...(chunks.length > 0 && { body: Buffer.concat(chunks) }),
    });
    const body = Buffer.from(await upstream.arrayBuffer());
    if (typeof how === 'object') {
      const text = how.distort(body.toString(), { method, path: url, body: '' });
      return send(response, upstream.status, Buffer.from(text));
    }
    if (how === 'well' || body.length === 0) return send(response, upstream.status, body);
    response.writeHead(upstream.status, {
      'content-type': 'application/json',
      'content-length': body.length,
    });
    response.write(body.subarray(0, body.length / 2), () => response.destroy());
  }
}

/** With its length, as Glance sends documents. */
function send(response: ServerResponse, status: number, body: Buffer): void {
  response.statusCode = status;
  response.setHeader('content-type', 'application/json').end(body);
}
