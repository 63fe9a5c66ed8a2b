import { CredentialsRefused, NoAnswer, UnexpectedStatus } from './cannot-ask.js';
import { retryAfterOf, type Answer, type Ask } from './connection.js';
import { versionThree, type KeystoneOptions } from './options.js';
import { readToken, type Endpoint, type TokenDocument } from './token-document.js';

/** Of a token's life, the part after which another one is fetched. */
const RENEWAL = 0.8;
/** Milliseconds until a renewal that failed is tried again, while the old token holds. */
const RENEWAL_PAUSE = 30_000;
/** Seconds to wait after the credentials were refused, and by how much that grows: users are locked out for failing. */
const REFUSED_PAUSE = { first: 5, growth: 4, most: 300 };

/** The token that a service asks Keystone with. */
export interface ServiceToken {
  readonly token: string;
  readonly catalog: readonly Endpoint[];
  /** What its user was in its project when it was issued. */
  readonly roles: readonly string[];
}

/** The part of Keystone's request for a token that says who asks. */
export function authentication(options: KeystoneOptions): object {
  if (options.applicationCredentialId !== undefined) {
    const application_credential = {
      id: options.applicationCredentialId,
      secret: options.applicationCredentialSecret,
    };
    return { auth: { identity: { methods: ['application_credential'], application_credential } } };
  }
  const { username, password, projectName } = options;
  const user = { name: username, domain: domain(options.userDomainId, options.userDomainName), password };
  const project = { name: projectName, domain: domain(options.projectDomainId, options.projectDomainName) };
  return {
    auth: { identity: { methods: ['password'], password: { user } }, scope: { project } },
  };
}

/** An id goes before a name, as in OpenStack's own clients. */
function domain(id: string | undefined, name: string | undefined): object {
  return id === undefined && name !== undefined ? { name } : { id: id ?? 'default' };
}

/**
 * Reads the answer to a request for a token.
 *
 * @throws {CannotAsk}
 */
export function readIssued({
  status,
  headers,
  document,
}: Answer): TokenDocument & { readonly token: string } {
  const token = headers['x-subject-token'];
  if (status !== 201 || typeof token !== 'string') {
    throw new UnexpectedStatus(status, retryAfterOf(headers));
  }
  return { ...readToken(document, []), token };
}

/**
 * The service's own token: fetched when it is first needed, renewed while the old one still holds, and at
 * once when Keystone no longer takes it. Whoever needs it meanwhile shares one call.
 */
export class OwnToken {
  #current?: ServiceToken & { renewAt: number; readonly endsAt: number };
  #renewal?: Promise<ServiceToken>;
  #refused?: { readonly status: number; readonly pause: number; readonly until: number };

  /**
   * @param now milliseconds of a clock that never goes back
   * @param onFailure hears of a renewal that failed while the old token holds
   */
  constructor(
    private readonly ask: Ask,
    private readonly options: KeystoneOptions,
    private readonly now: () => number,
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** The token that is in use; undefined before the first one, and after one was dropped. */
  get current(): string | undefined {
    return this.#current?.token;
  }

  /** @throws {CannotAsk} */
  get(): ServiceToken | Promise<ServiceToken> {
    const now = this.now();
    const current = this.#current;
    if (!current || now >= current.endsAt) return this.#renew();
    if (now >= current.renewAt) {
      current.renewAt = now + RENEWAL_PAUSE;
      // Its failure is not this caller's: the old one holds.
      this.#renew().catch(this.onFailure);
    }
    return current;
  }

  /** Do not use this token any more: Keystone does not take it, or what came with it is out of date. */
  drop({ token }: Pick<ServiceToken, 'token'>): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  #renew(): Promise<ServiceToken> {
    const wait = (this.#refused?.until ?? 0) - this.now();
    if (this.#refused && wait > 0) {
      return Promise.reject(new CredentialsRefused(this.#refused.status, Math.ceil(wait / 1000)));
    }
    this.#renewal ??= this.#issue().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #issue(): Promise<ServiceToken> {
    const asked = this.now();
    const answer = await this.#post();
    const { status } = answer;
    if (status >= 400 && status < 500 && status !== 429) throw this.#refuse(status);
    const { token, identity, issuedAt, expiresAt, catalog = [] } = readIssued(answer);
    // How long it lives is Keystone's to say; when that began is measured here, whatever the clocks show.
    const life = expiresAt.getTime() - issuedAt.getTime();
    this.#refused = undefined;
    const { roles } = identity;
    this.#current = { token, catalog, roles, renewAt: asked + life * RENEWAL, endsAt: asked + life };
    return this.#current;
  }

  /** What fails here fails whosever token is asked about. */
  async #post(): Promise<Answer> {
    try {
      return await this.ask({
        method: 'POST',
        url: `${versionThree(this.options.authUrl)}/auth/tokens`,
        body: authentication(this.options),
        signal: AbortSignal.timeout(this.options.timeout * 1000),
      });
    } catch (error) {
      throw error instanceof NoAnswer ? new NoAnswer(error.message, 'certainly', { cause: error }) : error;
    }
  }

  #refuse(status: number): CredentialsRefused {
    const { first, growth, most } = REFUSED_PAUSE;
    const pause = Math.min(this.#refused ? this.#refused.pause * growth : first, most);
    this.#refused = { status, pause, until: this.now() + pause * 1000 };
    return new CredentialsRefused(status, pause);
  }
}
