import type { AccessRule } from '@glimpse/domain';
import { UnexpectedStatus } from './cannot-ask.js';
import { connectionTo, persistently, retryAfterOf } from './connection.js';
import { readKeystoneOptions, versionThree, type KeystoneOptions } from './options.js';
import { OwnToken, type ServiceToken } from './own-token.js';
import { withRestrictedToken, type RestrictedToken } from './restricted-token.js';
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
   * Does something with a token of the same user that counts for one call only, and is over within seconds: what
   * another service makes of such tokens can be tried with it. The application credential that it comes of is
   * gone afterwards.
   *
   * @param accessRule the one call; where it is none of that service, it refuses the token by itself
   * @throws {CannotAsk} Keystone gives none: a user that signs in with an application credential gets none
   */
  withRestrictedToken<T>(
    accessRule: AccessRule,
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
    withRestrictedToken: (accessRule, use) => withRestrictedToken(ask, read, accessRule, use),
    drop: (token) => own.drop(token),
  };
}
