import { timeLimit, type HttpClient, type HttpResponse } from '@glimpse/http-client';
import type { Endpoint } from './catalog.js';
import { CredentialsRefused, NoResponse, UnexpectedStatus } from './errors.js';
import { retryAfterOf } from './keystone-client.js';
import { versionThree, type KeystoneOptions } from './options.js';
import { readToken, type TokenDocument } from './token-document.js';

/** The fraction of a token's life after which the next one is fetched. */
const RENEW_AFTER = 0.8;
/** Until a failed renewal is retried, while the old token is valid. */
const RENEWAL_RETRY_MS = 30_000;
/** How long the credentials are not sent again after they were refused: Keystone may lock out a user for failures. */
const REFUSED_PAUSE_S = { first: 5, growth: 4, max: 300 };

/** A token of the service's own user. */
export interface ServiceToken {
  readonly token: string;
  readonly catalog: readonly Endpoint[];
  /** The roles of its user in its project when it was issued. */
  readonly roles: readonly string[];
}

/** The body of a request for a token. */
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

/** An id has precedence over a name, as in OpenStack's own clients. */
function domain(id: string | undefined, name: string | undefined): object {
  return id === undefined && name !== undefined ? { name } : { id: id ?? 'default' };
}

/**
 * Reads the response to a request for a token.
 *
 * @throws {KeystoneUnavailable}
 */
export function readIssued({
  status,
  headers,
  document,
}: HttpResponse): TokenDocument & { readonly token: string } {
  const token = headers['x-subject-token'];
  if (status !== 201 || typeof token !== 'string') {
    throw new UnexpectedStatus(status, retryAfterOf(headers));
  }
  return { ...readToken(document, []), token };
}

/**
 * The service's own token: fetched when it is first needed, renewed while the old one is still valid, and at once
 * when Keystone no longer accepts it. Concurrent callers share one request.
 */
export class OwnToken {
  #current?: ServiceToken & { renewAt: number; readonly endsAt: number };
  #renewal?: Promise<ServiceToken>;
  #refused?: { readonly status: number; readonly pause: number; readonly until: number };

  /**
   * @param now milliseconds of a monotonic clock
   * @param onFailure called for a renewal that failed while the old token is valid
   */
  constructor(
    private readonly send: HttpClient,
    private readonly options: KeystoneOptions,
    private readonly now: () => number,
    private readonly onFailure: (error: Error) => void,
  ) {}

  /** Undefined before the first token, and after one was dropped. */
  get current(): string | undefined {
    return this.#current?.token;
  }

  /** @throws {KeystoneUnavailable} */
  get(): ServiceToken | Promise<ServiceToken> {
    const now = this.now();
    const current = this.#current;
    if (!current || now >= current.endsAt) return this.#renew();
    if (now >= current.renewAt) {
      current.renewAt = now + RENEWAL_RETRY_MS;
      // A failure does not concern this caller: the old one is valid.
      this.#renew().catch(this.onFailure);
    }
    return current;
  }

  /** Stops using a token: Keystone does not accept it, or its catalog is out of date. */
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
    const sentAt = this.now();
    const response = await this.#post();
    const { status } = response;
    if (status >= 400 && status < 500 && status !== 429) throw this.#refuse(status);
    const { token, identity, issuedAt, expiresAt, catalog = [] } = readIssued(response);
    // Its length of life by Keystone's clock, its beginning by ours: the two clocks may differ.
    const life = expiresAt.getTime() - issuedAt.getTime();
    this.#refused = undefined;
    const { roles } = identity;
    this.#current = { token, catalog, roles, renewAt: sentAt + life * RENEW_AFTER, endsAt: sentAt + life };
    return this.#current;
  }

  /** A failure here affects the validation of every token. */
  async #post(): Promise<HttpResponse> {
    try {
      return await this.send({
        method: 'POST',
        url: `${versionThree(this.options.authUrl)}/auth/tokens`,
        body: authentication(this.options),
        signal: timeLimit(this.options.timeout * 1000),
      });
    } catch (error) {
      throw error instanceof NoResponse
        ? new NoResponse(error.message, 'certainly', { cause: error })
        : error;
    }
  }

  #refuse(status: number): CredentialsRefused {
    const { first, growth, max } = REFUSED_PAUSE_S;
    const pause = Math.min(this.#refused ? this.#refused.pause * growth : first, max);
    this.#refused = { status, pause, until: this.now() + pause * 1000 };
    return new CredentialsRefused(status, pause);
  }
}
