import type { Scope } from '@glimpse/domain';
import { forbidden, notFound, refusal, type ApiAnswer } from './answers.js';
import { ApplicationCredentials } from './application-credentials.js';
import { domainOf, isUser, projectOf, scopeOf, type AuthRequest, type User } from './auth-request.js';
import { idOf, newAuditId, newToken, tokenDocument, versionDocument } from './documents.js';
import type { CatalogService, IssuedToken } from './documents.js';

/** A request to the Identity API. */
export interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly authToken: string;
  readonly subjectToken: string;
  /** Whether the caller declares that it enforces access rules. */
  readonly enforcesAccessRules: boolean;
  readonly body: string;
}

/** How long after its expiry `allow_expired` still shows a token. */
const EXPIRED_WINDOW_MS = 48 * 3600 * 1000;

function badRequest(expected: string): ApiAnswer {
  return refusal(
    400,
    `Expecting to find ${expected} in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`,
  );
}

/** Keystone's tokens, and its responses to requests for and about them. */
export class IdentityApi {
  readonly users: User[] = [];
  readonly credentials = new ApplicationCredentials();
  readonly tokens = new Map<string, IssuedToken>();
  readonly revoked = new Set<string>();
  /** The tokens that were issued over the API. */
  readonly posted = new Set<string>();

  constructor(
    private readonly baseUrl: string,
    /** The lifetime of a token that is issued over the API, in seconds. */
    private readonly tokenLifetime: number,
    private readonly catalog: readonly CatalogService[],
  ) {}

  answer(request: ApiRequest): ApiAnswer {
    const path = request.url.pathname.replace(/\/$/, '');
    if (path === '/v3' && request.method === 'GET') {
      return { status: 200, body: versionDocument(this.baseUrl) };
    }
    if (path.startsWith('/v3/users/')) return this.#askOwnCredentials(request, path.split('/').slice(3));
    if (path !== '/v3/auth/tokens') return refusal(404, 'The resource could not be found.');
    if (request.method === 'POST') return this.#authenticate(request);
    if (request.method === 'GET') return this.#validate(request);
    if (request.method === 'DELETE') return this.#revoke(request);
    return refusal(405, 'The method is not allowed for the requested URL.');
  }

  #unauthorized(): ApiAnswer {
    return refusal(401, 'The request you have made requires authentication.', {
      'www-authenticate': `Keystone uri="${this.baseUrl}/v3"`,
    });
  }

  #authenticate(request: ApiRequest): ApiAnswer {
    const document = objectIn(request.body);
    if (!document) return badRequest('valid JSON');
    const auth = document['auth'] as AuthRequest | undefined;
    if (!auth) return badRequest('auth');
    const credential = auth.identity?.application_credential?.id;
    if (credential !== undefined && !this.credentials.all.some(({ id }) => id === credential)) {
      return notFound('Application Credential', credential);
    }
    const token = this.#byPassword(auth) ?? this.#byApplicationCredential(auth);
    if (!token) return this.#unauthorized();
    const id = newToken();
    this.tokens.set(id, token);
    this.posted.add(id);
    return {
      status: 201,
      headers: { 'x-subject-token': id },
      body: tokenDocument(token, !request.url.searchParams.has('nocatalog')),
    };
  }

  #byPassword({ identity, scope }: AuthRequest): IssuedToken | null {
    const given = identity?.methods?.includes('password') ? identity.password?.user : undefined;
    const user = this.users.find((each) => given && isUser(each, given));
    if (!user || user.password !== given?.password) return null;
    const granted = scopeOf(user, scope);
    return granted && this.#issued('password', user, granted, null);
  }

  #byApplicationCredential({ identity }: AuthRequest): IssuedToken | null {
    if (!identity?.methods?.includes('application_credential')) return null;
    const given = identity.application_credential;
    const credential = this.credentials.all.find((each) => each.id === given?.id);
    const user = this.users.find((each) => each.name === credential?.user);
    if (!credential || !user || credential.secret !== given?.secret) return null;
    const { id, accessRules = [], roles = user.roles, expiresAt = Infinity } = credential;
    if (expiresAt <= Date.now()) return null;
    const owner = { ...user, roles };
    const token = this.#issued('application_credential', owner, projectOf(user), { id, accessRules });
    return expiresAt < token.expiresAt ? { ...token, expiresAt, endsWithCredential: true } : token;
  }

  #issued(
    method: IssuedToken['method'],
    user: User,
    scope: Scope,
    credential: IssuedToken['credential'],
  ): IssuedToken {
    // Keystone's times are whole seconds.
    const now = Math.floor(Date.now() / 1000) * 1000;
    return {
      method,
      user: { id: idOf('user', user.name), name: user.name, domain: domainOf(user) },
      scope,
      roles: scope.kind === 'none' ? [] : user.roles,
      issuedAt: now,
      expiresAt: now + this.tokenLifetime * 1000,
      auditId: newAuditId(),
      credential,
      catalog: this.catalog,
    };
  }

  #askOwnCredentials({ method, authToken, body }: ApiRequest, [user, ...path]: string[]): ApiAnswer {
    const caller = this.#alive(authToken);
    if (!caller) return this.#unauthorized();
    if (caller.user.id !== user) return forbidden('identity:create_application_credential');
    return this.credentials.answer(caller, method, path, body);
  }

  #validate(request: ApiRequest): ApiAnswer {
    const caller = this.#alive(request.authToken);
    if (!caller) return this.#unauthorized();
    const { subjectToken, url } = request;
    if (subjectToken === '') return refusal(404, 'No token in the request');
    if (!this.tokens.has(subjectToken)) return unrecognized();
    const allowExpired = /^(?:1|t|true|on|y|yes)$/i.test(url.searchParams.get('allow_expired') ?? '');
    const token = this.#alive(subjectToken, allowExpired ? EXPIRED_WINDOW_MS : 0);
    const hidden = (token?.credential?.accessRules.length ?? 0) > 0 && !request.enforcesAccessRules;
    if (!token || hidden) return refusal(404, 'Failed to validate token');
    const allowed = caller.roles.some((role) => role === 'service' || role === 'admin');
    if (!allowed && caller.user.id !== token.user.id) return forbidden('identity:validate_token');
    return {
      status: 200,
      headers: { 'x-subject-token': subjectToken },
      body: tokenDocument(token, !url.searchParams.has('nocatalog')),
    };
  }

  #revoke(request: ApiRequest): ApiAnswer {
    const caller = this.#alive(request.authToken);
    if (!caller) return this.#unauthorized();
    if (!this.tokens.has(request.subjectToken)) return unrecognized();
    const token = this.#alive(request.subjectToken);
    if (!token) return refusal(404, 'Failed to validate token');
    if (!caller.roles.includes('admin') && caller.user.id !== token.user.id) {
      return forbidden('identity:revoke_token');
    }
    this.revoked.add(request.subjectToken);
    return { status: 204, body: null };
  }

  #alive(token: string, window = 0): IssuedToken | undefined {
    const found = this.revoked.has(token) ? undefined : this.tokens.get(token);
    return found && Date.now() < found.expiresAt + window ? found : undefined;
  }
}

function unrecognized(): ApiAnswer {
  return refusal(404, 'Could not recognize Fernet token');
}

function objectIn(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && !Array.isArray(value) ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
