import type { Identity } from '@glimpse/domain';
import type { HttpClient } from '@glimpse/http-client';
import { findEndpoint } from './catalog.js';
import { NoResponse, NoEndpoint, UnexpectedStatus, ValidationForbidden } from './errors.js';
import { retryAfterOf } from './keystone-client.js';
import { versionThree, type KeystoneOptions } from './options.js';
import type { OwnToken, ServiceToken } from './own-token.js';
import { readToken, type TokenDocument } from './token-document.js';

export interface ValidationOptions {
  readonly allowExpired: boolean;
  readonly signal: AbortSignal;
}

/** Validates tokens at Keystone, as the service. */
export class Validation {
  constructor(
    private readonly send: HttpClient,
    private readonly ownToken: OwnToken,
    private readonly options: KeystoneOptions,
  ) {}

  /**
   * The identity behind a token. The catalog is requested only where access rules need it: it is several times the
   * size of the rest.
   *
   * @returns undefined: the token is not valid
   * @throws {KeystoneUnavailable}
   */
  async identity(token: string, options: ValidationOptions): Promise<Identity | undefined> {
    const found = await this.#read(token, options, { catalog: false });
    if (!found?.identity.accessRules) return found?.identity;
    const whole = await this.#read(token, options, { catalog: true });
    return whole && restrictedToCatalog(whole);
  }

  /**
   * The roles that the service's user has now.
   *
   * @throws {KeystoneUnavailable}
   */
  async ownRoles(signal: AbortSignal): Promise<readonly string[]> {
    const own = await within(signal, this.ownToken.get());
    const found = await this.#read(own.token, { allowExpired: false, signal }, { catalog: false });
    if (found) return found.identity.roles;
    // It was revoked: the roles of its user may have changed.
    this.ownToken.drop(own);
    return (await within(signal, this.ownToken.get())).roles;
  }

  async #read(
    token: string,
    { allowExpired, signal }: ValidationOptions,
    { catalog }: { catalog: boolean },
  ): Promise<TokenDocument | undefined> {
    const parameters = [allowExpired && 'allow_expired=1', !catalog && 'nocatalog'].filter(Boolean).join('&');
    const path = `/auth/tokens${parameters && `?${parameters}`}`;
    const headers = { 'x-subject-token': token, 'openstack-identity-access-rules': '1.0' };

    for (let renewed = false; ; renewed = true) {
      const own = await within(signal, this.ownToken.get());
      const url = `${this.#endpoint(own)}${path}`;
      const response = await this.send({
        method: 'GET',
        url,
        headers: { ...headers, 'x-auth-token': own.token },
        signal,
      });
      switch (response.status) {
        case 200:
          return readToken(response.document, this.options.serviceRoles);
        case 404:
          if (isKeystoneNotFound(response.document)) return undefined;
          break;
        case 403:
          throw new ValidationForbidden();
        case 401:
          this.ownToken.drop(own);
          if (!renewed) continue;
      }
      throw new UnexpectedStatus(response.status, retryAfterOf(response.headers));
    }
  }

  /** Where tokens are validated. */
  #endpoint(own: ServiceToken): string {
    const { authUrl, interface: wanted, region } = this.options;
    if (wanted === undefined) return versionThree(authUrl);
    const filter = { type: 'identity', interface: wanted, region };
    const endpoint = findEndpoint(own.catalog, filter);
    if (endpoint) return versionThree(endpoint.url);
    // Fetched again with a new token, so that a repaired catalog counts at once.
    this.ownToken.drop(own);
    throw new NoEndpoint(filter);
  }
}

/** Whether the 404 is Keystone's, and not that of a proxy in front of it. */
function isKeystoneNotFound(document: unknown): boolean {
  return (document as { error?: { code?: unknown } } | undefined)?.error?.code === 404;
}

/** Access rules count only for services in the token's catalog, as in keystonemiddleware. */
function restrictedToCatalog({ identity, catalog = [] }: TokenDocument): Identity {
  const services = new Set(catalog.map(({ type }) => type));
  const rules = identity.accessRules ?? [];
  return { ...identity, accessRules: rules.filter(({ service }) => services.has(service)) };
}

/** Stops waiting at the signal. The work itself goes on: other calls may wait for it, too. */
async function within<T>(signal: AbortSignal, work: T | Promise<T>): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    const abort = (): void => reject(new NoResponse('it does not answer in time'));
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  });
  return Promise.race([work, aborted]);
}
