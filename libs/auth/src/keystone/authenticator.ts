import type { Identity } from '@glimpse/domain';
import type { Authentication, AuthenticationRequest, Authenticator } from '@glimpse/plugins';
import { CannotAsk, KnownAway, NoSlot } from './cannot-ask.js';
import { connectionTo, persistently } from './connection.js';
import { KnownTokens, type Clock } from './known-tokens.js';
import { readKeystoneOptions, type KeystoneOptions } from './options.js';
import { Outage } from './outage.js';
import { OwnToken } from './own-token.js';
import { Slots } from './slots.js';
import { Validation } from './validation.js';

/** What can be a token at all. A Fernet token has some 250 characters; common web servers refuse more than this. */
const TOKEN = /^[\x21-\x7e]{1,3500}$/;

const INVALID: Authentication = { outcome: 'invalid' };

/** What may be logged or counted of the authenticator. Never a token or a password. */
export interface KeystoneObservations {
  /** Said when the reason changes, until Keystone answers again. */
  'keystone-unavailable': { readonly reason: string };
  'keystone-available': object;
  'token-judged': {
    readonly outcome: Authentication['outcome'];
    /** Whether it was known, Keystone was asked, or neither. */
    readonly source: 'cache' | 'keystone' | 'none';
  };
}

/** Hears of the authenticator. */
export type ObserveKeystone = <N extends keyof KeystoneObservations>(
  name: N,
  known: KeystoneObservations[N],
) => void;

/** What an authenticator stands among; all of it may be left out. */
export interface KeystoneSurroundings {
  readonly observe?: ObserveKeystone;
  readonly clock?: Clock;
  /** Turns an option's name into what the reader of a message knows it by. */
  readonly nameOf?: (option: string) => string;
}

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
  { observe = () => undefined, clock = CLOCK, nameOf }: KeystoneSurroundings = {},
): Authenticator {
  return new KeystoneAuthenticator(readKeystoneOptions(options, nameOf), observe, clock);
}

/** Under which a token is known as it is, and with its expiry waived if that was asked for. */
interface Keys {
  readonly strict: string;
  readonly key: string;
}

/** What is known of a token, and where from. */
interface Judgement {
  readonly authentication: Authentication;
  readonly source: 'cache' | 'keystone' | 'none';
}

class KeystoneAuthenticator implements Authenticator {
  readonly challenge: string;
  readonly #validation: Validation;
  readonly #known: KnownTokens;
  readonly #slots: Slots;
  readonly #outage: Outage;
  /** What is being asked, for everybody who wants to know the same meanwhile. */
  readonly #asking = new Map<string, Promise<Judgement>>();

  constructor(
    private readonly options: KeystoneOptions,
    private readonly observe: ObserveKeystone,
    private readonly clock: Clock,
  ) {
    const ask = persistently(connectionTo(options));
    this.challenge = `Keystone uri="${options.publicUrl ?? options.authUrl}"`;
    this.#outage = new Outage(clock.monotonic, (reason) => {
      if (reason === undefined) observe('keystone-available', {});
      else observe('keystone-unavailable', { reason });
    });
    const ownToken = new OwnToken(ask, options, clock.monotonic, ({ message }) =>
      this.#outage.noted(message),
    );
    this.#validation = new Validation(ask, ownToken, options);
    this.#known = new KnownTokens(options.cache, options.outage, clock);
    this.#slots = new Slots(options.concurrency, options.queue);
  }

  authenticate(
    token: string,
    { allowExpired = false, fresh = false }: AuthenticationRequest = {},
  ): Authentication | Promise<Authentication> {
    const strict = this.#known.key(token, false);
    const key = allowExpired ? this.#known.key(token, true) : strict;
    const identity = fresh ? undefined : this.#identity({ strict, key });
    if (identity) return this.#count({ authentication: identified(identity), source: 'cache' });
    if (this.#known.isInvalid(key) || !TOKEN.test(token)) {
      return this.#count({ authentication: INVALID, source: 'cache' });
    }
    return this.#ask(token, { strict, key }, fresh).then((judgement) => this.#count(judgement));
  }

  /** What is known of a token that is valid as it is, or else with its expiry waived. */
  #identity({ strict, key }: Keys, outage = { away: false }): Identity | undefined {
    return (
      this.#known.identity(strict, outage) ?? (key === strict ? undefined : this.#known.identity(key, outage))
    );
  }

  /** Asks Keystone, together with everybody who wants to know the same; but `no-cache` joins nobody's call. */
  #ask(token: string, keys: Keys, fresh: boolean): Promise<Judgement> {
    if (fresh) return this.#askAlone(token, keys, fresh);
    let asking = this.#asking.get(keys.key);
    if (!asking) {
      asking = this.#askAlone(token, keys, fresh).finally(() => this.#asking.delete(keys.key));
      this.#asking.set(keys.key, asking);
    }
    return asking;
  }

  async #askAlone(token: string, keys: Keys, fresh: boolean): Promise<Judgement> {
    const began = this.clock.monotonic();
    const timeout = this.options.timeout * 1000;
    try {
      this.#outage.check();
      // Half of the time at least is for the call: that too many are asking is not Keystone's silence.
      const turn = { fresh, signal: AbortSignal.timeout(timeout / 2) };
      const call = (): Promise<Authentication> => {
        const waited = Math.min(this.clock.monotonic() - began, timeout / 2);
        return this.#validate(token, keys, AbortSignal.timeout(Math.ceil(timeout - waited)));
      };
      return { authentication: await this.#slots.run(call, turn), source: 'keystone' };
    } catch (error) {
      if (!(error instanceof CannotAsk)) throw error;
      // A full line is not an outage.
      const identity = error instanceof NoSlot ? undefined : this.#identity(keys, { away: true });
      if (identity) return { authentication: identified(identity), source: 'cache' };
      const { retryAfter } = error;
      const asked = !(error instanceof NoSlot || error instanceof KnownAway);
      return { authentication: { outcome: 'unavailable', retryAfter }, source: asked ? 'keystone' : 'none' };
    }
  }

  async #validate(token: string, { strict, key }: Keys, signal: AbortSignal): Promise<Authentication> {
    // While it waited for its turn, others may have found out.
    this.#outage.enter();
    const asked = this.clock.monotonic();
    const waived = key !== strict;
    let identity: Identity | undefined;
    try {
      identity = await this.#validation.identity(token, { allowExpired: waived, signal });
    } catch (error) {
      this.#outage.failed(error as CannotAsk, strict);
      throw error;
    }
    this.#outage.answered();
    const expiresAt = identity?.expiresAt?.getTime() ?? Infinity;
    if (!identity || (!waived && expiresAt <= this.clock.today())) {
      this.#known.addInvalid(key, asked);
      // What is not valid even with its expiry waived is not valid at all.
      if (waived) this.#known.addInvalid(strict, asked);
      return INVALID;
    }
    this.#known.addIdentity(key, identity, { waived, asked });
    return identified(identity);
  }

  #count({ authentication, source }: Judgement): Authentication {
    this.observe('token-judged', { outcome: authentication.outcome, source });
    return authentication;
  }
}

function identified(identity: Identity): Authentication {
  return { outcome: 'identity', identity };
}
