import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccessRule, Scope } from '@glimpse/domain';
import type { ApiAnswer } from './answers.js';
import type { ApplicationCredential } from './application-credentials.js';
import { projectOf, type User } from './auth-request.js';
import { catalogOf, idOf, newAuditId, newToken, tokenMeantBy, type CatalogService } from './documents.js';
import { IdentityApi } from './identity-api.js';

/** The settings of a {@link FakeKeystone}. */
export interface FakeKeystoneOptions {
  /** Use https with this key and certificate, PEM; plain http by default. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** A free one unless given. */
  readonly port?: number;
  /** The image service of its catalog, `http://127.0.0.1:9292` unless given; null: there is none. */
  readonly imageUrl?: string | null;
  /** How long a token got over the API lasts, in seconds; 3600 unless given. */
  readonly tokenLifetime?: number;
}

/** A token to issue without a request. */
export interface TokenToIssue {
  readonly userName: string;
  /** Follows from the name unless given. */
  readonly userId?: string;
  readonly scope: Scope;
  readonly roles: readonly string[];
  /** In seconds; negative: expired for so long. 3600 by default. */
  readonly expiresIn?: number;
  /** Makes it the token of an application credential with these access rules. */
  readonly accessRules?: readonly AccessRule[];
  readonly catalog?: readonly CatalogService[];
}

/**
 * The behaviour of responses:
 * - `well`: as Keystone's
 * - `{ status }`: this status with a body of HTML, and `Retry-After` where `retryAfter` is given, in seconds
 * - `{ delay }`: the right response at the time of the request, so many milliseconds later
 * - `hang`: none, ever
 * - `half-body`: the right one, and the connection is cut in the middle of its body
 * - `not-json`: 200 with a body that is no JSON
 * - `wrong-json`: 200 with JSON that is no token
 * - `cut`: the connection is cut without a byte
 */
export type Behaviour =
  | 'well'
  | 'hang'
  | 'half-body'
  | 'not-json'
  | 'wrong-json'
  | 'cut'
  | { readonly status: number; readonly retryAfter?: number }
  | { readonly delay: number };

/** `GET /v3/auth/tokens`, and `POST /v3/auth/tokens`. */
export type KindOfCall = 'validations' | 'authentications';

/** A received request. */
export interface Call {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** `X-Auth-Token`: the caller's. */
  readonly token?: string;
  /** `X-Subject-Token`: the token to validate. */
  readonly subject?: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/**
 * A Keystone for tests: real HTTP on a loopback port, the responses of a real Keystone 22, and every fault that a
 * service has to survive.
 *
 * @example
 * const keystone = await FakeKeystone.start();
 * keystone.addUser({ name: 'images', password: 'secret', roles: ['service'] });
 * const token = keystone.issue({ userName: 'ann', scope: { kind: 'none' }, roles: [] });
 * // … OS_AUTH_URL is `${keystone.url}/v3`, and the token is valid.
 * keystone.behave('hang', 'validations');
 * await keystone.close();
 */
export class FakeKeystone {
  /** Without `/v3`. */
  readonly url: string;
  /** Every request so far. */
  readonly calls: Call[] = [];
  /** The highest number of concurrent validations. */
  mostValidationsAtOnce = 0;

  readonly #server: Server;
  readonly #port: number;
  readonly #api: IdentityApi;
  readonly #catalog: readonly CatalogService[];
  readonly #behaviour: Record<KindOfCall, Behaviour> = { validations: 'well', authentications: 'well' };
  #validationsNow = 0;

  private constructor(server: Server, options: FakeKeystoneOptions) {
    const { tls, tokenLifetime = 3600, imageUrl = 'http://127.0.0.1:9292' } = options;
    this.#server = server;
    this.#port = (server.address() as AddressInfo).port;
    this.url = `${tls ? 'https' : 'http'}://127.0.0.1:${this.#port}`;
    this.#catalog = catalogOf(this.url, imageUrl);
    this.#api = new IdentityApi(this.url, tokenLifetime, this.#catalog);
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      // The caller closed the connection.
      void this.#serve(request, response).catch(() => response.destroy());
    });
  }

  /** Starts one, listening. */
  static async start(options: FakeKeystoneOptions = {}): Promise<FakeKeystone> {
    // Keystone accepts tokens longer than Node's limit for all headers.
    const limits = { maxHeaderSize: 1 << 16 };
    const server = options.tls ? createTlsServer({ ...options.tls, ...limits }) : createServer(limits);
    server.listen(options.port ?? 0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeKeystone(server, options);
  }

  /** Adds a user with a password. @returns their ids */
  addUser(user: User): { readonly userId: string; readonly projectId: string } {
    this.#api.users.push(user);
    return { userId: idOf('user', user.name), projectId: projectOf(user).id };
  }

  /** Adds an application credential of a user that was added before. */
  addApplicationCredential(credential: ApplicationCredential): void {
    this.#api.credentials.all.push(credential);
  }

  /** All application credentials and access rules. */
  get applicationCredentials(): { ids: string[]; accessRules: AccessRule[] } {
    const { all, rules } = this.#api.credentials;
    return { ids: all.map(({ id }) => id), accessRules: [...rules.values()] };
  }

  /** Issues a valid token without a request. */
  issue(token: TokenToIssue): string {
    const { userName: name, scope, roles, expiresIn = 3600, accessRules, catalog = this.#catalog } = token;
    const now = Date.now();
    const id = newToken();
    this.#api.tokens.set(id, {
      method: accessRules ? 'application_credential' : 'password',
      user: { id: token.userId ?? idOf('user', name), name, domain: 'default' },
      scope,
      roles,
      issuedAt: Math.min(now, now + expiresIn * 1000),
      expiresAt: now + expiresIn * 1000,
      auditId: newAuditId(),
      credential: accessRules ? { id: idOf('credential', id), accessRules } : null,
      catalog,
    });
    return id;
  }

  /** Revokes a token. */
  revoke(token: string): void {
    this.#api.revoked.add(token);
  }

  /** Revokes every token that was issued over the API, such as the service's own. */
  expireServiceTokens(): void {
    for (const token of this.#api.posted) this.#api.revoked.add(token);
  }

  /** Sets the behaviour of all following responses, or of those to one kind of call. */
  behave(how: Behaviour, only?: KindOfCall): void {
    for (const kind of only ? [only] : (['validations', 'authentications'] as const)) {
      this.#behaviour[kind] = how;
    }
  }

  /** The calls of one kind so far. */
  callsOf(kind: KindOfCall): Call[] {
    return this.calls.filter((call) => kindOf(call) === kind);
  }

  /** Cuts every connection and refuses new ones. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  /** Listens again on the same port. */
  async reopen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '/', headers } = request;
    const token = single(headers['x-auth-token']);
    const subject = single(headers['x-subject-token']);
    const call: Call = { method, path, token, subject, headers };
    this.calls.push(call);
    const kind = kindOf(call);
    if (kind === 'validations') {
      this.mostValidationsAtOnce = Math.max(this.mostValidationsAtOnce, ++this.#validationsNow);
      response.once('close', () => this.#validationsNow--);
    }
    const how = kind ? this.#behaviour[kind] : 'well';
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const answer = this.#api.answer({
      method,
      url: new URL(path, this.url),
      authToken: tokenMeantBy(token ?? ''),
      subjectToken: tokenMeantBy(subject ?? ''),
      enforcesAccessRules: headers['openstack-identity-access-rules'] !== undefined,
      body,
    });
    await send(response, answer, how);
  }
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

function kindOf({ method, path }: Call): KindOfCall | null {
  if (!path.startsWith('/v3/auth/tokens')) return null;
  if (method === 'GET') return 'validations';
  return method === 'POST' ? 'authentications' : null;
}

async function send(response: ServerResponse, answer: ApiAnswer, how: Behaviour): Promise<void> {
  if (how === 'hang') return;
  if (how === 'cut') return void response.destroy();
  if (how === 'not-json') return end(response, 200, answer.headers, 'Keystone is being upgraded');
  if (how === 'wrong-json') return end(response, 200, answer.headers, '{"token": {"user": null}}');
  if (typeof how === 'object' && 'status' in how) {
    const { status, retryAfter } = how;
    const retryAfterHeader: Record<string, string> =
      retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
    return end(response, status, { 'content-type': 'text/html', ...retryAfterHeader }, `<h1>${status}</h1>`);
  }
  const body = answer.body === null ? '' : JSON.stringify(answer.body);
  if (how === 'half-body') {
    response.writeHead(answer.status, { ...answer.headers, 'content-length': Buffer.byteLength(body) });
    response.write(body.slice(0, body.length / 2), () => response.destroy());
    return;
  }
  if (how !== 'well') await sleep(how.delay, undefined, { ref: false });
  end(response, answer.status, answer.headers, body);
}

function end(
  response: ServerResponse,
  status: number,
  headers: Readonly<Record<string, string>> | undefined,
  body: string,
): void {
  response.writeHead(status, {
    ...(body !== '' && { 'content-type': 'application/json' }),
    vary: 'X-Auth-Token',
    ...headers,
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}
