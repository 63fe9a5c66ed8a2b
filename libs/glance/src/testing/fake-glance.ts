import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SourceDocument, SourceDocumentName } from '@glimpse/domain';
import type { PatchOperation } from '../client/property-patch.js';
import { serviceDocuments } from './service-documents.js';
import { ImageApi, type ApiAnswer, type ImageDocument, type TokenHolder } from './image-api.js';

/**
 * The behaviour of responses:
 * - `well`: as Glance's
 * - `{ status }`: this one instead, with a body of HTML unless it has a `text`
 * - `{ json }`: 200 with this
 * - `{ distort }`: the right one, with its text changed by this, such as one of `ODDITIES`
 * - `hang`: none, ever
 * - `half-body`: the right one, and the connection is cut in the middle of its body
 * - `not-json`: 200 with a body that is no JSON
 * - `cut`: the connection is cut without a byte
 */
export type GlanceBehaviour =
  | 'well'
  | 'hang'
  | 'half-body'
  | 'not-json'
  | 'cut'
  | { readonly status: number; readonly text?: string }
  | { readonly json: unknown }
  | { readonly distort: (text: string, call: GlanceCall) => string };

/** What of its `[keystone_authtoken]` is set. */
export interface GlanceSettings {
  /** Without one no token with access rules is accepted. `image` by default. */
  readonly serviceType?: 'image' | '';
  /** Whose token lets another be expired. */
  readonly serviceTokenRoles?: readonly string[];
  /** Milliseconds by which the clock of its host is ahead, in the `Date` of its answers. */
  readonly clockAhead?: number;
}

/** A received request. */
export interface GlanceCall {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly token?: string;
  readonly serviceToken?: string;
  readonly contentType?: string;
  readonly body: string;
}

/**
 * A Glance for tests: real HTTP on a loopback port, the requests of a mirror to the Image API v2 answered as by Glance
 * 25.1 does, and the ways to misbehave that a mirror has to survive. Images are put there as documents.
 *
 * @example
 * const glance = await FakeGlance.start();
 * glance.admit('token', { projectId: 'service', roles: ['service', 'admin'] });
 * const { id } = glance.add({ owner: 'p1', os_distro: 'debian' });
 * glance.behave('hang');
 * await glance.close();
 */
export class FakeGlance {
  readonly url: string;
  /** Every request so far. */
  readonly calls: GlanceCall[] = [];

  /** What it says of itself, by name; null: nothing. */
  readonly documents: Record<SourceDocumentName, SourceDocument>;

  readonly #api = new ImageApi();
  readonly #tokens = new Map<string, TokenHolder>();
  #behaviour: GlanceBehaviour = 'well';
  #settings: Required<GlanceSettings> = {
    serviceType: 'image',
    serviceTokenRoles: ['service'],
    clockAhead: 0,
  };

  private constructor(private readonly server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    this.documents = serviceDocuments(this.url);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      // The caller closed the connection.
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** Starts one, listening. */
  static async start(): Promise<FakeGlance> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeGlance(server);
  }

  /** Makes a token valid; any other is 401. */
  admit(token: string, holder: TokenHolder): void {
    this.#tokens.set(token, holder);
  }

  /** Makes a token invalid. */
  dismiss(token: string): void {
    this.#tokens.delete(token);
  }

  /** Puts an image there; what is left out is as for an empty one of the project `demo`. */
  add(attributes: Partial<ImageDocument> = {}): ImageDocument {
    return this.#api.add(attributes);
  }

  share(id: string, projectId: string, status = 'pending'): void {
    this.#api.share(id, projectId, status);
  }

  /** Removes an image for good: it is no marker any more either. */
  purge(id: string): void {
    this.#api.purge(id);
  }

  /** Changes settings. */
  configure(settings: GlanceSettings): void {
    this.#settings = { ...this.#settings, ...settings };
  }

  /** Sets the behaviour of all following responses. */
  behave(how: GlanceBehaviour): void {
    this.#behaviour = how;
  }

  /** Cuts every connection and refuses new ones. */
  async close(): Promise<void> {
    const closed = once(this.server, 'close');
    this.server.close();
    this.server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '/', headers } = request;
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const call: GlanceCall = {
      method,
      path,
      token: single(headers['x-auth-token']),
      serviceToken: single(headers['x-service-token']),
      contentType: headers['content-type'],
      body,
    };
    this.calls.push(call);
    const how = this.#behaviour;
    response.setHeader('date', new Date(Date.now() + this.#settings.clockAhead).toUTCString());
    if (how === 'hang') return;
    if (how === 'cut') throw new Error('cut');
    if (how === 'not-json') return send(response, 200, '<html>busy</html>');
    if (typeof how === 'object' && !('distort' in how)) {
      return 'json' in how
        ? send(response, 200, JSON.stringify(how.json))
        : send(response, how.status, how.text ?? '<html>busy</html>');
    }
    const { status, document } = this.#answer(call);
    const text = document ? JSON.stringify(document) : '';
    if (typeof how === 'object') return send(response, status, how.distort(text, call));
    if (how === 'well') return send(response, status, text);
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': text.length });
    response.write(text.slice(0, text.length / 2), () => response.destroy());
  }

  /** As keystonemiddleware accepts tokens; Glance ignores an invalid service token. */
  #accepts({ expired, restricted }: TokenHolder, serviceToken: string): boolean {
    const { serviceType, serviceTokenRoles } = this.#settings;
    const roles = this.#tokens.get(serviceToken)?.roles ?? [];
    if (expired && !roles.some((role) => serviceTokenRoles.includes(role))) return false;
    return !restricted || (serviceType !== '' && serviceToken !== '');
  }

  #answer({ method, path, token = '', serviceToken = '', body }: GlanceCall): ApiAnswer {
    if (path === '/versions') return this.#describe('versions');
    const who = this.#tokens.get(token);
    if (!who || !this.#accepts(who, serviceToken))
      return { status: 401, document: { message: 'Unauthorized' } };
    const { pathname, searchParams } = new URL(path, this.url);
    const [, version, kind, id, of] = pathname.split('/').map(decodeURIComponent);
    if (version === 'v2' && (kind === 'schemas' || kind === 'info')) return this.#describe(`${kind}/${id}`);
    if (version !== 'v2' || kind !== 'images') return NO_SUCH_PATH;
    if (id === undefined) return this.#api.list(who, searchParams);
    if (of === 'members') return this.#api.members(who, id);
    if (method === 'PATCH') return this.#api.patch(who, id, JSON.parse(body) as PatchOperation[]);
    return method === 'DELETE' ? this.#api.delete(who, id) : this.#api.show(who, id);
  }

  #describe(name: string): ApiAnswer {
    const document = this.documents[name as SourceDocumentName];
    return document ? { status: 200, document } : NO_SUCH_PATH;
  }
}

const NO_SUCH_PATH: ApiAnswer = { status: 404, document: { message: 'no such path' } };

function send(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(text);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
