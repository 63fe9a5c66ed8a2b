import type { Identity } from '@glimpse/domain';
import { NoAnswer, NoEndpoint, UnexpectedStatus, ValidationForbidden } from './cannot-ask.js';
import { retryAfterOf, type Ask } from './connection.js';
import { versionThree, type KeystoneOptions } from './options.js';
import type { OwnToken, ServiceToken } from './own-token.js';
import { readToken, type TokenDocument } from './token-document.js';

export interface TokenQuestion {
  readonly allowExpired: boolean;
  readonly signal: AbortSignal;
}

/** Asks Keystone about tokens, as the service. */
export class Validation {
  constructor(
    private readonly ask: Ask,
    private readonly ownToken: OwnToken,
    private readonly options: KeystoneOptions,
  ) {}

  /**
   * Whose a token is. The catalog comes along only where access rules make it necessary: it is several times
   * the size of the rest.
   *
   * @returns undefined: there is no such token, or not any more
   * @throws {CannotAsk}
   */
  async identity(token: string, question: TokenQuestion): Promise<Identity | undefined> {
    const found = await this.#read(token, question, { catalog: false });
    if (!found?.identity.accessRules) return found?.identity;
    const whole = await this.#read(token, question, { catalog: true });
    return whole && restrictedToCatalog(whole);
  }

  /**
   * The roles that the service's user has now.
   *
   * @throws {CannotAsk}
   */
  async ownRoles(signal: AbortSignal): Promise<readonly string[]> {
    const own = await within(signal, this.ownToken.get());
    const found = await this.#read(own.token, { allowExpired: false, signal }, { catalog: false });
    if (found) return found.identity.roles;
    // It was revoked, and with it what was known of its user.
    this.ownToken.drop(own);
    return (await within(signal, this.ownToken.get())).roles;
  }

  async #read(
    token: string,
    { allowExpired, signal }: TokenQuestion,
    { catalog }: { catalog: boolean },
  ): Promise<TokenDocument | undefined> {
    const parameters = [allowExpired && 'allow_expired=1', !catalog && 'nocatalog'].filter(Boolean).join('&');
    const path = `/auth/tokens${parameters && `?${parameters}`}`;
    const headers = { 'x-subject-token': token, 'openstack-identity-access-rules': '1.0' };

    for (let renewed = false; ; renewed = true) {
      const own = await within(signal, this.ownToken.get());
      const url = `${this.#endpoint(own)}${path}`;
      const answer = await this.ask({
        method: 'GET',
        url,
        headers: { ...headers, 'x-auth-token': own.token },
        signal,
      });
      switch (answer.status) {
        case 200:
          return readToken(answer.document, this.options.serviceRoles);
        case 404:
          if (saysNotFound(answer.document)) return undefined;
          break;
        case 403:
          throw new ValidationForbidden();
        case 401:
          this.ownToken.drop(own);
          if (!renewed) continue;
      }
      throw new UnexpectedStatus(answer.status, retryAfterOf(answer.headers));
    }
  }

  /** Where tokens are validated. */
  #endpoint(own: ServiceToken): string {
    const { authUrl, interface: wanted, region } = this.options;
    if (wanted === undefined) return versionThree(authUrl);
    const endpoint = own.catalog.find(
      (endpoint) =>
        endpoint.type === 'identity' &&
        endpoint.interface === wanted &&
        (region === undefined || endpoint.region === region),
    );
    if (endpoint) return versionThree(endpoint.url);
    // Whoever mends the catalog need not wait until the token ends that it came with.
    this.ownToken.drop(own);
    throw new NoEndpoint(wanted, region);
  }
}

/** Whether it is Keystone that does not know a token, and not something in front that does not know Keystone. */
function saysNotFound(document: unknown): boolean {
  return (document as { error?: { code?: unknown } } | undefined)?.error?.code === 404;
}

/** Of its access rules, a token keeps those for services that its catalog has, as keystonemiddleware asks. */
function restrictedToCatalog({ identity, catalog = [] }: TokenDocument): Identity {
  const services = new Set(catalog.map(({ type }) => type));
  const rules = identity.accessRules ?? [];
  return { ...identity, accessRules: rules.filter(({ service }) => services.has(service)) };
}

/** Waits no longer than until the signal. What it waits for goes on: others may wait for it, too. */
async function within<T>(signal: AbortSignal, answer: T | Promise<T>): Promise<T> {
  const over = new Promise<never>((_, reject) => {
    const end = (): void => reject(new NoAnswer('it does not answer in time'));
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
  });
  return Promise.race([answer, over]);
}
