import type { Identity } from '@glimpse/domain';
import type { Authentication, AuthenticationRequest, Authenticator } from '@glimpse/plugins';
import { CannotAsk, NoSlot } from './cannot-ask.js';
import { connectionTo, persistently } from './connection.js';
import { KnownTokens, type Clock } from './known-tokens.js';
import { readKeystoneOptions, type KeystoneOptions } from './options.js';
import { Outage } from './outage.js';
import { OwnToken } from './own-token.js';
import { Slots } from './slots.js';
import { Validation } from './validation.js';

/** What can be a token at all: a web server takes no longer header. */
const TOKEN = /^[\x21-\x7e]{1,8190}$/;

const INVALID: Authentication = { outcome: 'invalid' };

/** What may be logged or counted of the authenticator. Never a token or a password. */
export interface KeystoneObservations {
  /** Said when the reason changes, until Keystone answers again. */
  'keystone-unavailable': { readonly reason: string };
  'keystone-available': object;
  'token-judged': {
    readonly outcome: Authentication['outcome'];
    /** Whether it was known, or Keystone had to be asked. */
    readonly source: 'cache' | 'keystone';
  };
}

/** Hears of the authenticator. */
export type ObserveKeystone = <N extends keyof KeystoneObservations>(
  name: N,
  known: KeystoneObservations[N],
) => void;

const CLOCK: Clock = { monotonic: () => performance.now(), today: () => Date.now() };

/**
 * The `keystone` authenticator: asks Keystone whose a token is, as a service with credentials of its own, and
 * remembers the answers. Nothing is opened before the first token comes.
 *
 * It says `unavailable` where Keystone cannot be asked, is too busy, or does not let the service ask: that is
 * never the client's fault. What was known of a token goes on counting then, as long as `cache` and `outage`
 * allow.
 *
 * @throws {InvalidOptions} naming each wrong option, its value, and what is allowed
 * @see {@link https://docs.openstack.org/api-ref/identity/v3/#validate-and-show-information-for-token}
 *
 * @example
 * const authenticator = createKeystoneAuthenticator({
 *   authUrl: 'https://keystone.example.com:5000',
 *   username: 'glimpse', password: 'secret', projectName: 'service',
 * });
 * await authenticator.authenticate(request.headers['x-auth-token']);
 * // { outcome: 'identity', identity: { userName: 'demo', scope: { kind: 'project', … }, … } }
 */
export function createKeystoneAuthenticator(
  options: Partial<KeystoneOptions>,
  observe: ObserveKeystone = () => undefined,
  clock: Clock = CLOCK,
): Authenticator {
  return new KeystoneAuthenticator(readKeystoneOptions(options), observe, clock);
}

class KeystoneAuthenticator implements Authenticator {
  readonly challenge: string;
  readonly #validation: Validation;
  readonly #known: KnownTokens;
  readonly #slots: Slots;
  readonly #outage: Outage;
  /** What is being asked, for everybody who wants to know the same meanwhile. */
  readonly #asking = new Map<string, Promise<Authentication>>();

  constructor(
    private readonly options: KeystoneOptions,
    private readonly observe: ObserveKeystone,
    private readonly clock: Clock,
  ) {
    const ask = persistently(connectionTo(options));
    this.challenge = `Keystone uri="${options.publicUrl ?? options.authUrl}"`;
    this.#validation = new Validation(ask, new OwnToken(ask, options, clock.monotonic), options);
    this.#known = new KnownTokens(options.cache, options.outage, clock);
    this.#slots = new Slots(options.concurrency, options.queue);
    this.#outage = new Outage(clock.monotonic, (reason) => {
      if (reason === undefined) observe('keystone-available', {});
      else observe('keystone-unavailable', { reason });
    });
  }

  authenticate(
    token: string,
    { allowExpired = false, fresh = false }: AuthenticationRequest = {},
  ): Promise<Authentication> {
    const key = this.#known.key(token, allowExpired);
    const identity = fresh ? undefined : this.#known.identity(key);
    if (identity) return Promise.resolve(this.#judged({ outcome: 'identity', identity }, 'cache'));
    if (this.#known.isInvalid(key) || !TOKEN.test(token)) {
      return Promise.resolve(this.#judged(INVALID, 'cache'));
    }
    const asked = fresh ? undefined : this.#asking.get(key);
    if (asked) return asked;
    const asking = this.#ask(token, key, { allowExpired, fresh }).finally(() => {
      if (this.#asking.get(key) === asking) this.#asking.delete(key);
    });
    this.#asking.set(key, asking);
    return asking;
  }

  async #ask(
    token: string,
    key: string,
    { allowExpired, fresh }: Required<AuthenticationRequest>,
  ): Promise<Authentication> {
    const signal = AbortSignal.timeout(this.options.timeout * 1000);
    try {
      this.#outage.check();
      const call = (): Promise<Authentication> => this.#validate(token, key, allowExpired, signal);
      return this.#judged(await this.#slots.run(call, { provoked: fresh, signal }), 'keystone');
    } catch (error) {
      if (!(error instanceof CannotAsk)) throw error;
      // A full line is not an outage.
      const identity = error instanceof NoSlot ? undefined : this.#known.identity(key, { away: true });
      if (identity) return this.#judged({ outcome: 'identity', identity }, 'cache');
      return this.#judged({ outcome: 'unavailable', retryAfter: error.retryAfter }, 'keystone');
    }
  }

  async #validate(token: string, key: string, waived: boolean, signal: AbortSignal): Promise<Authentication> {
    // While it waited for its turn, others may have found out.
    this.#outage.enter();
    const asked = this.clock.monotonic();
    let identity: Identity | undefined;
    try {
      identity = await this.#validation.identity(token, { allowExpired: waived, signal });
    } catch (error) {
      this.#outage.failed(error as Error);
      throw error;
    }
    this.#outage.answered();
    const expiresAt = identity?.expiresAt?.getTime() ?? Infinity;
    if (!identity || (!waived && expiresAt <= this.clock.today())) {
      this.#known.addInvalid(key, asked);
      return INVALID;
    }
    this.#known.addIdentity(key, identity, { waived, asked });
    return { outcome: 'identity', identity };
  }

  #judged(authentication: Authentication, source: 'cache' | 'keystone'): Authentication {
    this.observe('token-judged', { outcome: authentication.outcome, source });
    return authentication;
  }
}
