import {
  KeystoneUnavailable,
  type RestrictedToken,
  type ServiceCredentials,
  type ServiceToken,
} from '@glimpse/auth';
import { SourceUnavailable } from '@glimpse/domain';

/** How soon after a renewal Glance's 401 renews the token again: it may have another reason. */
const RENEWAL_PAUSE_MS = 5_000;

type Restriction = Parameters<ServiceCredentials['withRestrictedToken']>[0];

/** The token of one of the service's users, renewed where Glance does not accept it. */
export class UserToken {
  #renewedAt = -Infinity;

  constructor(private readonly credentials: ServiceCredentials) {}

  /** @throws {SourceUnavailable} */
  get(): Promise<ServiceToken> {
    return orUnavailable(() => this.credentials.token());
  }

  /**
   * A token with the roles that its user has now: Keystone validates it after this is called.
   *
   * @throws {SourceUnavailable}
   */
  confirmed(): Promise<ServiceToken> {
    return orUnavailable(() => this.credentials.confirmed());
  }

  /**
   * Passes a token of the same user with some of its rights to `use`.
   *
   * @throws {SourceUnavailable} Keystone gives none
   */
  restricted<T>(restriction: Restriction, use: (restricted: RestrictedToken) => Promise<T>): Promise<T> {
    return orUnavailable(() => this.credentials.withRestrictedToken(restriction, use));
  }

  /** The token to use in the place of one that Glance refused; undefined if that was renewed a moment ago. */
  async insteadOf(refused: ServiceToken): Promise<ServiceToken | undefined> {
    const current = await this.get();
    if (current.token !== refused.token) return current;
    if (performance.now() < this.#renewedAt + RENEWAL_PAUSE_MS) return undefined;
    this.#renewedAt = performance.now();
    this.credentials.drop(refused);
    return this.get();
  }
}

async function orUnavailable<T>(token: () => T | Promise<T>): Promise<T> {
  try {
    return await token();
  } catch (error) {
    if (!(error instanceof KeystoneUnavailable)) throw error;
    throw new SourceUnavailable(`Keystone gives no token for it: ${error.message}`, { cause: error });
  }
}
