import { UnexpectedStatus } from './cannot-ask.js';
import { connectionTo, persistently } from './connection.js';
import { readKeystoneOptions, type KeystoneOptions } from './options.js';
import { OwnToken, type ServiceToken } from './own-token.js';
import { Validation } from './validation.js';

/** The credentials by which a service calls others, as one of Keystone's users. */
export interface ServiceCredentials {
  /**
   * A token that holds for a while; whoever needs one meanwhile shares it.
   *
   * @throws {CannotAsk} Keystone cannot be asked, or does not take the credentials
   */
  token(): ServiceToken | Promise<ServiceToken>;
  /** Do not use this token any more, for another service does not take it, or to see what a new one says. */
  drop(token: ServiceToken): void;
  /**
   * The roles that the service's user has now, whatever its token said when it was issued: Keystone is asked
   * after this is called.
   *
   * @throws {CannotAsk}
   */
  roles(): Promise<readonly string[]>;
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
  const validation = new Validation(ask, own, read);
  const roles = async (): Promise<readonly string[]> => {
    for (let renewed = false; ; renewed = true) {
      const token = await own.get();
      const signal = AbortSignal.timeout(read.timeout * 1000);
      const identity = await validation.identity(token.token, { allowExpired: false, signal });
      if (identity) return identity.roles;
      own.drop(token);
      if (renewed) throw new UnexpectedStatus(404);
    }
  };
  return { token: () => own.get(), drop: (token) => own.drop(token), roles };
}
