import { UnexpectedStatus } from './cannot-ask.js';
import { connectionTo, persistently, retryAfterOf } from './connection.js';
import { readKeystoneOptions, versionThree, type KeystoneOptions } from './options.js';
import { OwnToken, type ServiceToken } from './own-token.js';
import { withRestrictedToken, type RestrictedToken, type Restriction } from './restricted-token.js';
import { readToken } from './token-document.js';

/** The credentials by which a service calls others, as one of Keystone's users. */
export interface ServiceCredentials {
  /**
   * A token that holds for a while; whoever needs one meanwhile shares it.
   *
   * @throws {CannotAsk} Keystone cannot be asked, or does not take the credentials
   */
  token(): ServiceToken | Promise<ServiceToken>;
  /**
   * A token with the roles that its user has now: Keystone is asked after this is called.
   *
   * @throws {CannotAsk}
   */
  confirmed(): Promise<ServiceToken>;
  /**
   * Passes a token of the same user to `use` that has some of its rights only and expires within seconds, to test
   * how another service treats such tokens. Its application credential is deleted afterwards.
   *
   * @throws {CannotAsk} Keystone gives none: a user that signs in with an application credential gets none
   */
  withRestrictedToken<T>(
    restriction: Restriction,
    use: (restricted: RestrictedToken) => Promise<T>,
  ): Promise<T>;
  /** Do not use this token any more, for another service does not take it. */
  drop(token: ServiceToken): void;
}

/**
 * Nothing is opened before the first token is needed.
 *
 * @param nameOf turns an option's name into what the reader of a message knows it by
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
  const ask = persistently(connectionTo(read));
  // A renewal that failed is tried again; what fails once the old token is over, its user is told.
  const own = new OwnToken(
    ask,
    read,
    () => performance.now(),
    () => undefined,
  );
  return {
    token: () => own.get(),
    async confirmed() {
      const current = await own.get();
      const { status, headers, document } = await ask({
        method: 'GET',
        url: `${versionThree(read.authUrl)}/auth/tokens?nocatalog`,
        headers: { 'x-auth-token': current.token, 'x-subject-token': current.token },
        signal: AbortSignal.timeout(read.timeout * 1000),
      });
      if (status === 200) return { ...current, roles: readToken(document, []).identity.roles };
      // With a role that is taken away goes the token.
      if (status !== 401 && status !== 404) throw new UnexpectedStatus(status, retryAfterOf(headers));
      own.drop(current);
      return own.get();
    },
    withRestrictedToken: (restriction, use) => withRestrictedToken(ask, read, restriction, use),
    drop: (token) => own.drop(token),
  };
}
