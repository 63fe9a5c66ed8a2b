import { CredentialsRefused, UnexpectedStatus } from './cannot-ask.js';
import { retryAfterOf, type Ask } from './connection.js';
import { versionThree, type KeystoneOptions } from './options.js';
import { readToken, type Endpoint } from './token-document.js';

/** Of a token's life, the part after which another one is fetched. */
const RENEWAL = 0.8;
/** Seconds to wait after the credentials were refused: users are locked out for failing again and again. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 60;

/** The token that a service asks Keystone with. */
export interface ServiceToken {
  readonly token: string;
  readonly catalog: readonly Endpoint[];
}

/** The part of Keystone's request for a token that says who asks. */
function authentication(options: KeystoneOptions): object {
  if (options.applicationCredentialId !== undefined) {
    const application_credential = {
      id: options.applicationCredentialId,
      secret: options.applicationCredentialSecret,
    };
    return { auth: { identity: { methods: ['application_credential'], application_credential } } };
  }
  const { username, password, projectName, userDomainId, projectDomainId } = options;
  const user = { name: username, domain: { id: userDomainId }, password };
  return {
    auth: {
      identity: { methods: ['password'], password: { user } },
      scope: { project: { name: projectName, domain: { id: projectDomainId } } },
    },
  };
}

/**
 * The service's own token: fetched when it is first needed, renewed while the old one still holds, and at
 * once when Keystone no longer takes it. Whoever needs it meanwhile shares one call.
 */
export class OwnToken {
  #current?: ServiceToken & { readonly renewAt: number; readonly endsAt: number };
  #renewal?: Promise<ServiceToken>;
  #refused?: { readonly error: CredentialsRefused; readonly until: number };

  /** @param now milliseconds of a clock that never goes back */
  constructor(
    private readonly ask: Ask,
    private readonly options: KeystoneOptions,
    private readonly now: () => number,
  ) {}

  /** @throws {CannotAsk} */
  get(): ServiceToken | Promise<ServiceToken> {
    const now = this.now();
    const current = this.#current;
    if (!current || now >= current.endsAt) return this.#renew();
    // Its failure is not this caller's: the old one holds.
    if (now >= current.renewAt) this.#renew().catch(() => undefined);
    return current;
  }

  /** Keystone does not take this token any more. */
  refused({ token }: ServiceToken): void {
    if (this.#current?.token === token) this.#current = undefined;
  }

  #renew(): Promise<ServiceToken> {
    if (this.#refused && this.now() < this.#refused.until) return Promise.reject(this.#refused.error);
    this.#renewal ??= this.#issue().finally(() => (this.#renewal = undefined));
    return this.#renewal;
  }

  async #issue(): Promise<ServiceToken> {
    const asked = this.now();
    const { status, headers, document } = await this.ask({
      method: 'POST',
      url: `${versionThree(this.options.authUrl)}/auth/tokens`,
      body: authentication(this.options),
      signal: AbortSignal.timeout(this.options.timeout * 1000),
    });
    if (status >= 400 && status < 500 && status !== 429) throw this.#refuse(status);
    const token = headers['x-subject-token'];
    if (status !== 201 || typeof token !== 'string') {
      throw new UnexpectedStatus(status, retryAfterOf(headers));
    }
    const { issuedAt, expiresAt, catalog = [] } = readToken(document, []);
    // How long it lives is Keystone's to say; when that began is measured here, whatever the clocks show.
    const life = expiresAt.getTime() - issuedAt.getTime();
    this.#refused = undefined;
    this.#current = { token, catalog, renewAt: asked + life * RENEWAL, endsAt: asked + life };
    return this.#current;
  }

  #refuse(status: number): CredentialsRefused {
    const pause = Math.min(LONGEST_PAUSE, (this.#refused?.error.retryAfter ?? FIRST_PAUSE / 2) * 2);
    const error = new CredentialsRefused(status, pause);
    this.#refused = { error, until: this.now() + pause * 1000 };
    return error;
  }
}
