import {
  CannotAsk,
  type Endpoint,
  type RestrictedToken,
  type ServiceCredentials,
  type ServiceToken,
} from '@glimpse/auth';
import { SourceUnavailable, type AccessRule } from '@glimpse/domain';
import { connectionTo, type Answer, type Ask, type Question } from './connection.js';
import type { GlanceOptions } from './options.js';

/** Milliseconds within which Glance's 401 fetches one new token of our own: it may be for another reason. */
const RENEWAL_PAUSE = 5_000;

/** What is asked; the path begins after the version, and is sent as it stands. */
export interface Request extends Omit<Question, 'url' | 'headers'> {
  readonly path: string;
}

/** A Glance as a service speaks to it: with its own token, or with a user's and its own beside that. */
export class Session {
  readonly #ask: Ask;
  #url: string | undefined;
  #renewedAt = -Infinity;

  constructor(
    private readonly options: GlanceOptions,
    private readonly credentials: ServiceCredentials,
  ) {
    this.#ask = connectionTo(options);
    this.#url = options.url && baseOf(options.url);
  }

  /** Where Glance is, without the version; undefined before a catalog told that. */
  get url(): string | undefined {
    return this.#url;
  }

  /**
   * @returns 401 only when Glance does not take a new token either
   * @throws {SourceUnavailable}
   */
  ask(request: Request): Promise<Answer> {
    return this.#send(request, ({ token }) => ({ 'x-auth-token': token }));
  }

  /**
   * Asks as somebody else. What the service adds makes their token count even if it has just expired, and
   * whatever its access rules say of Glance.
   *
   * @throws {SourceUnavailable}
   */
  askAs(userToken: string, request: Request): Promise<Answer> {
    return this.#send(request, ({ token }) => ({ 'x-auth-token': userToken, 'x-service-token': token }));
  }

  /**
   * The roles of the service's user as Keystone knows them now: the question is sent after this is called.
   *
   * @throws {SourceUnavailable}
   */
  async roles(): Promise<readonly string[]> {
    const { roles, catalog } = await this.#orUnavailable(() => this.credentials.confirmed());
    this.#endpoint(catalog);
    return roles;
  }

  /**
   * Does something with a token of the service's user that counts for one call only, and is over within seconds.
   *
   * @throws {SourceUnavailable} Keystone gives none
   */
  asRestricted<T>(accessRule: AccessRule, use: (restricted: RestrictedToken) => Promise<T>): Promise<T> {
    return this.#orUnavailable(() => this.credentials.withRestrictedToken(accessRule, use));
  }

  async #send(
    { path, method, body, signal, withoutLongStrings }: Request,
    tokens: (own: ServiceToken) => Record<string, string>,
  ): Promise<Answer> {
    const send = (own: ServiceToken): Promise<Answer> =>
      this.#ask({
        method,
        url: `${this.#endpoint(own.catalog)}/v2${path}`,
        headers: {
          accept: 'application/json',
          ...(body !== undefined && { 'content-type': 'application/openstack-images-v2.1-json-patch' }),
          ...tokens(own),
        },
        ...(body !== undefined && { body }),
        signal,
        withoutLongStrings,
      });
    const own = await this.#own();
    const answer = await send(own);
    if (answer.status !== 401) return answer;
    const other = await this.#insteadOf(own);
    return other ? send(other) : answer;
  }

  #own(): Promise<ServiceToken> {
    return this.#orUnavailable(() => this.credentials.token());
  }

  async #orUnavailable<T>(token: () => T | Promise<T>): Promise<T> {
    try {
      return await token();
    } catch (error) {
      if (!(error instanceof CannotAsk)) throw error;
      throw new SourceUnavailable(`Keystone gives no token for it: ${error.message}`, { cause: error });
    }
  }

  /** Another token of our own; undefined if one was fetched a moment ago. */
  async #insteadOf(refused: ServiceToken): Promise<ServiceToken | undefined> {
    const current = await this.#own();
    if (current.token !== refused.token) return current;
    if (performance.now() < this.#renewedAt + RENEWAL_PAUSE) return undefined;
    this.#renewedAt = performance.now();
    this.credentials.drop(refused);
    return this.#own();
  }

  #endpoint(catalog: readonly Endpoint[]): string {
    if (this.options.url !== undefined) return this.#url!;
    const { interface: wanted, region } = this.options;
    const endpoint = catalog.find(
      (each) =>
        each.type === 'image' &&
        each.interface === wanted &&
        (region === undefined || each.region === region),
    );
    if (!endpoint) {
      const where = region === undefined ? '' : ` in the region ${region}`;
      throw new SourceUnavailable(`Keystone's catalog has no image endpoint ${wanted}${where}`);
    }
    return (this.#url = baseOf(endpoint.url));
  }
}

/** The base of Glance's API at a URL that may name the version already. */
function baseOf(url: string): string {
  return url.replace(/\/+$/, '').replace(/\/v2$/, '').replace(/\/+$/, '');
}
