import { timeLimit } from '@glimpse/http-client';
import { UnexpectedStatus } from './errors.js';
import { createKeystoneClient, retryAfterOf } from './keystone-client.js';
import { readKeystoneOptions, versionThree, type KeystoneOptions } from './options.js';
import { OwnToken, type ServiceToken } from './own-token.js';
import { withRestrictedToken, type RestrictedToken, type Restriction } from './restricted-token.js';
import { readToken } from './token-document.js';

/** The credentials of a service's user, with which it calls other services. */
export interface ServiceCredentials {
  /**
   * A valid token, which callers share until it is renewed.
   *
   * @throws {KeystoneUnavailable} Keystone is unavailable, or refuses the credentials
   */
  token(): ServiceToken | Promise<ServiceToken>;
  /**
   * A token with the current roles of its user, confirmed by Keystone after this call.
   *
   * @throws {KeystoneUnavailable}
   */
  confirmed(): Promise<ServiceToken>;
  /**
   * Passes a token of the same user to `use` that has some of its rights only and expires within seconds, to test
   * how another service treats such tokens. Its application credential is deleted afterwards.
   *
   * @throws {KeystoneUnavailable} Keystone gives none: a user that signs in with an application credential gets none
   */
  withRestrictedToken<T>(
    restriction: Restriction,
    use: (restricted: RestrictedToken) => Promise<T>,
  ): Promise<T>;
  /** Stops using a token that another service does not accept. */
  drop(token: ServiceToken): void;
}

/**
 * Opens no connection before the first token is needed.
 *
 * @param nameOf turns an option's name into the name that messages show
 * @throws {InvalidOptions} naming each wrong option, its value, and what is allowed
 *
 * @example
 * const credentials = createServiceCredentials({ authUrl, username: 'glimpse', password, projectName: 'service' });
 * const { token, catalog, roles } = await credentials.token();
 */
export function createServiceCredentials(
  options: Partial<KeystoneOptions>,
  nameOf?: (option: string) => string,
): ServiceCredentials {
  const read = readKeystoneOptions(options, nameOf);
  const send = createKeystoneClient(read);
  // A failed renewal is retried; once the old token has expired, the caller gets the error.
  const own = new OwnToken(
    send,
    read,
    () => performance.now(),
    () => undefined,
  );
  return {
    token: () => own.get(),
    async confirmed() {
      const current = await own.get();
      const { status, headers, document } = await send({
        method: 'GET',
        url: `${versionThree(read.authUrl)}/auth/tokens?nocatalog`,
        headers: { 'x-auth-token': current.token, 'x-subject-token': current.token },
        signal: timeLimit(read.timeout * 1000),
      });
      if (status === 200) return { ...current, roles: readToken(document, []).identity.roles };
      // Keystone revokes the token when its user loses a role.
      if (status !== 401 && status !== 404) throw new UnexpectedStatus(status, retryAfterOf(headers));
      own.drop(current);
      return own.get();
    },
    withRestrictedToken: (restriction, use) => withRestrictedToken(send, read, restriction, use),
    drop: (token) => own.drop(token),
  };
}
