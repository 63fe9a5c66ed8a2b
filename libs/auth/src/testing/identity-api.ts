import type { AccessRule, Scope } from '@glimpse/domain';
import { idOf, newAuditId, newToken, tokenDocument, versionDocument } from './documents.js';
import type { CatalogService, IssuedToken } from './documents.js';

/** Somebody who gets tokens by password. */
export interface User {
  readonly name: string;
  readonly password: string;
  /** The id of their domain and their project's; `default` unless given. */
  readonly domain?: string;
  /** The name of the project in which they have their roles; `service` unless given. */
  readonly project?: string;
  readonly roles: readonly string[];
  /** Whether they have these roles in their domain and in the system, too. */
  readonly everywhere?: boolean;
}

/** What a user has made to get tokens by, without the password. */
export interface ApplicationCredential {
  readonly id: string;
  readonly secret: string;
  /** The name of its user; its project and roles are theirs. */
  readonly user: string;
  /** What it is restricted to; everything of its user's unless given. */
  readonly accessRules?: readonly AccessRule[];
}

/** A request as the Identity API sees it. */
export interface ApiRequest {
  readonly method: string;
  readonly url: URL;
  readonly authToken: string;
  readonly subjectToken: string;
  /** Whether the caller says that it enforces access rules. */
  readonly enforcesAccessRules: boolean;
  readonly body: string;
}

/** An answer; a body that is null is an empty one. */
export interface ApiAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: object | null;
}

/** How long after its end `allow_expired` still shows a token. */
const EXPIRED_WINDOW = 48 * 3600 * 1000;

const TITLES: Record<number, string> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
};

function refusal(status: number, message: string, headers?: Record<string, string>): ApiAnswer {
  return { status, headers, body: { error: { code: status, message, title: TITLES[status] } } };
}

function badRequest(expected: string): ApiAnswer {
  return refusal(
    400,
    `Expecting to find ${expected} in request body. The server could not comply with the request since it is either malformed or otherwise incorrect. The client is assumed to be in error.`,
  );
}

/** Of the body of `POST /v3/auth/tokens`, what is read of it. */
interface AuthRequest {
  readonly identity?: {
    readonly methods?: readonly string[];
    readonly password?: { readonly user?: NamedInDomain & { readonly password?: string } };
    readonly application_credential?: { readonly id?: string; readonly secret?: string };
  };
  readonly scope?: 'unscoped' | { project?: NamedInDomain; domain?: NamedInDomain; system?: object };
}

interface NamedInDomain {
  readonly id?: string;
  readonly name?: string;
  readonly domain?: { readonly id?: string; readonly name?: string };
}

/** Keystone's tokens, and its answers to whoever asks for or about one. */
export class IdentityApi {
  readonly users: User[] = [];
  readonly credentials: ApplicationCredential[] = [];
  readonly tokens = new Map<string, IssuedToken>();
  /** The tokens got over the API, not put there. */
  readonly posted = new Set<string>();

  constructor(
    private readonly baseUrl: string,
    /** How long a token lasts that is got over the API, in seconds. */
    private readonly tokenLifetime: number,
    private readonly catalog: readonly CatalogService[],
  ) {}

  answer(request: ApiRequest): ApiAnswer {
    const path = request.url.pathname.replace(/\/$/, '');
    if (path === '/v3' && request.method === 'GET') {
      return { status: 200, body: versionDocument(this.baseUrl) };
    }
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
    let auth: AuthRequest | undefined;
    try {
      ({ auth } = JSON.parse(request.body) as { auth?: AuthRequest });
    } catch {
      return badRequest('valid JSON');
    }
    if (!auth) return badRequest('auth');
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
    const credential = this.credentials.find((each) => each.id === given?.id);
    const user = this.users.find((each) => each.name === credential?.user);
    if (!credential || !user || credential.secret !== given?.secret) return null;
    const { id, accessRules = [] } = credential;
    return this.#issued('application_credential', user, projectOf(user), { id, accessRules });
  }

  #issued(
    method: IssuedToken['method'],
    user: User,
    scope: Scope,
    credential: IssuedToken['credential'],
  ): IssuedToken {
    // Keystone's own tokens live from one whole second to another.
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

  #validate(request: ApiRequest): ApiAnswer {
    const asking = this.#alive(request.authToken);
    if (!asking) return this.#unauthorized();
    const { subjectToken, url } = request;
    if (subjectToken === '') return refusal(404, 'No token in the request');
    if (!subjectToken.startsWith('gAAAAAB')) return refusal(404, 'Could not recognize Fernet token');
    const allowExpired = url.searchParams.get('allow_expired') === '1';
    const token = this.#alive(subjectToken, allowExpired ? EXPIRED_WINDOW : 0);
    const hidden = (token?.credential?.accessRules.length ?? 0) > 0 && !request.enforcesAccessRules;
    if (!token || hidden) return refusal(404, 'Failed to validate token');
    const allowed = asking.roles.some((role) => role === 'service' || role === 'admin');
    if (!allowed && asking.user.id !== token.user.id) return forbidden('validate_token');
    return {
      status: 200,
      headers: { 'x-subject-token': subjectToken },
      body: tokenDocument(token, !url.searchParams.has('nocatalog')),
    };
  }

  #revoke(request: ApiRequest): ApiAnswer {
    const asking = this.#alive(request.authToken);
    if (!asking) return this.#unauthorized();
    const token = this.#alive(request.subjectToken);
    if (!token) return refusal(404, 'Failed to validate token');
    if (!asking.roles.includes('admin') && asking.user.id !== token.user.id) {
      return forbidden('revoke_token');
    }
    this.tokens.delete(request.subjectToken);
    return { status: 204, body: null };
  }

  #alive(token: string, window = 0): IssuedToken | undefined {
    const found = this.tokens.get(token);
    return found && Date.now() < found.expiresAt + window ? found : undefined;
  }
}

function forbidden(action: string): ApiAnswer {
  return refusal(403, `You are not authorized to perform the requested action: identity:${action}.`);
}

function domainOf(user: User): string {
  return user.domain ?? 'default';
}

/** Whether a name or id given with a domain's name or id means this one. */
function isUser(user: User, given: NamedInDomain): boolean {
  if (given.id !== undefined) return given.id === idOf('user', user.name);
  return given.name === user.name && isDomain(user, given.domain);
}

function isDomain(user: User, given: NamedInDomain['domain']): boolean {
  const id = given?.id ?? (given?.name === 'Default' ? 'default' : given?.name);
  return id === domainOf(user);
}

/** The project in which a user has their roles. */
export function projectOf(user: User): Scope & { kind: 'project' } {
  const name = user.project ?? 'service';
  return { kind: 'project', id: idOf('project', name), name };
}

/** The scope that a user asks for; null when they have no role in it. */
function scopeOf(user: User, asked: AuthRequest['scope']): Scope | null {
  if (asked === undefined || asked === 'unscoped') return { kind: 'none' };
  const { project, domain, system } = asked;
  if (project) {
    const own = projectOf(user);
    const meant =
      project.id === undefined
        ? project.name === own.name && isDomain(user, project.domain)
        : project.id === own.id;
    return meant ? own : null;
  }
  if (!user.everywhere) return null;
  if (system) return { kind: 'system' };
  if (!domain || !isDomain(user, domain)) return null;
  const id = domainOf(user);
  return { kind: 'domain', id, name: id === 'default' ? 'Default' : id };
}
