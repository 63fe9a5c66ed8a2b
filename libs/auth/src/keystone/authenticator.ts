import type { Identity } from '@glimpse/domain';
import type { Authentication, AuthenticationRequest, Authenticator, RequestSource } from '@glimpse/plugins';
import { CannotAsk, KnownAway, Overloaded, ValidationForbidden } from './cannot-ask.js';
import { connectionTo, persistently } from './connection.js';
import { KnownTokens, type Clock } from './known-tokens.js';
import { readKeystoneOptions, type KeystoneOptions } from './options.js';
import { Outage } from './outage.js';
import { OwnToken } from './own-token.js';
import { Places, type Demand } from './places.js';
import { Suspects } from './suspects.js';
import { isFernetToken } from './token-spelling.js';
import { Validation } from './validation.js';

/** What can be a token at all. A Fernet token has some 250 characters; common web servers refuse more than this. */
const TOKEN = /^[\x21-\x7e]{1,3500}$/;

/** The roles by which Keystone's default policy lets a user validate the tokens of others. */
const VALIDATING_ROLES = ['service', 'admin'];
const NO_SOURCE: RequestSource = { address: '', client: '' };
const INVALID: Authentication = { outcome: 'invalid' };

/** What may be logged or counted of the authenticator. Never a token or a password. */
export interface KeystoneObservations {
  /** Said when the reason changes, until Keystone answers again. */
  'keystone-unavailable': { readonly reason: string };
  'keystone-available': object;
  /** The service's user has no role that Keystone's default policy requires to validate tokens. */
  'keystone-role-missing': { readonly reason: string };
  'token-judged': {
    /** `overloaded`: too many tokens were waiting, which says nothing about Keystone. */
    readonly outcome: Authentication['outcome'] | 'overloaded';
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

/** What is to be found out about a token. */
interface Request extends Keys {
  readonly token: string;
  readonly fresh: boolean;
  readonly source: RequestSource;
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
  readonly #places: Places;
  readonly #suspects: Suspects;
  readonly #ownToken: OwnToken;
  readonly #outage: Outage;
  /** Whether Keystone last refused to let the service's user validate a token. */
  #forbidden = false;
  #roleMissing = false;
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
    this.#ownToken = new OwnToken(ask, options, clock.monotonic, ({ message }) =>
      this.#outage.noted(message),
    );
    this.#validation = new Validation(ask, this.#ownToken, options);
    this.#known = new KnownTokens(options.cache, options.outage, clock);
    this.#places = new Places(options.concurrency, options.queue);
    this.#suspects = new Suspects(clock.monotonic);
  }

  authenticate(
    token: string,
    { allowExpired = false, fresh = false, source = NO_SOURCE }: AuthenticationRequest = {},
  ): Authentication | Promise<Authentication> {
    const strict = this.#known.key(token, false);
    const key = allowExpired ? this.#known.key(token, true) : strict;
    const identity = fresh ? undefined : this.#identity({ strict, key });
    if (identity) return this.#count({ authentication: identified(identity), source: 'cache' });
    if (this.#known.isInvalid(key) || !TOKEN.test(token)) {
      return this.#count({ authentication: INVALID, source: 'cache' });
    }
    return this.#shared({ token, strict, key, fresh, source }).then((judgement) => this.#count(judgement));
  }

  /** What is known of a token that is valid as it is, or else with its expiry waived. */
  #identity({ strict, key }: Keys, outage = { away: false }): Identity | undefined {
    return (
      this.#known.identity(strict, outage) ?? (key === strict ? undefined : this.#known.identity(key, outage))
    );
  }

  /**
   * One call for all that want the same. A `no-cache` request joins only a call of its kind that was not sent yet:
   * what it gets was known to Keystone after it came.
   */
  #shared(request: Request): Promise<Judgement> {
    const name = request.fresh ? `fresh ${request.key}` : request.key;
    const running = this.#asking.get(name);
    if (running) return running;
    let joinable = true;
    const close = (): void => {
      if (joinable) this.#asking.delete(name);
      joinable = false;
    };
    const shared = this.#askInTurn(request, request.fresh ? close : () => undefined).finally(close);
    if (joinable) this.#asking.set(name, shared);
    return shared;
  }

  /** What a call about a token is for, by which its turn comes. */
  #demandOf({ token, strict, key, fresh, source }: Request): Demand {
    if (this.#known.wasValid(strict) || this.#known.wasValid(key)) return { kind: fresh ? 'fresh' : 'known' };
    // A Keystone that issues Fernet tokens knows no others.
    const own = this.#ownToken.current;
    const implausible = own !== undefined && isFernetToken(own) && !isFernetToken(token);
    return { kind: 'unknown', source, suspicion: implausible ? 2 : this.#suspects.suspicionOf(source) };
  }

  /** @param onSend called when the call is about to be sent */
  async #askInTurn(request: Request, onSend: () => void): Promise<Judgement> {
    try {
      this.#outage.check();
      return { authentication: await this.#inTurn(request, onSend), source: 'keystone' };
    } catch (error) {
      if (!(error instanceof CannotAsk)) throw error;
      const { retryAfter } = error;
      if (error instanceof Overloaded) {
        return { authentication: { outcome: 'unavailable', retryAfter, overloaded: true }, source: 'none' };
      }
      const identity = this.#identity(request, { away: true });
      if (identity) return { authentication: identified(identity), source: 'cache' };
      const source = error instanceof KnownAway ? 'none' : 'keystone';
      return { authentication: { outcome: 'unavailable', retryAfter }, source };
    }
  }

  /**
   * Validates a token when a place is free. Waiting counts towards the time that the client is given, and not
   * towards Keystone's: a call that waited goes on when its client has its 503, and only Keystone's silence over
   * the whole time counts against Keystone.
   */
  #inTurn(request: Request, onSend: () => void): Promise<Authentication> {
    const timeout = this.options.timeout * 1000;
    const began = this.clock.monotonic();
    return new Promise((resolve, reject) => {
      const call = (): Promise<Authentication> => {
        onSend();
        const waited = this.clock.monotonic() - began;
        const left = timeout - Math.min(waited, timeout / 2);
        const late = waited < 1 ? undefined : setTimeout(() => reject(new Overloaded()), left);
        return this.#validate(request).finally(() => clearTimeout(late));
      };
      const patience = AbortSignal.timeout(timeout / 2);
      this.#places.run(call, this.#demandOf(request), patience).then(resolve, reject);
    });
  }

  async #validate({ token, strict, key, source }: Request): Promise<Authentication> {
    // While it waited for its turn, others may have found out.
    this.#outage.enter();
    const asked = this.clock.monotonic();
    const waived = key !== strict;
    const signal = timeLimit(this.options.timeout * 1000);
    let identity: Identity | undefined;
    try {
      identity = await this.#validation.identity(token, { allowExpired: waived, signal });
    } catch (error) {
      this.#forbidden = error instanceof ValidationForbidden;
      this.#outage.failed(error as CannotAsk, strict);
      throw error;
    }
    this.#forbidden = false;
    this.#outage.answered();
    const expiresAt = identity?.expiresAt?.getTime() ?? Infinity;
    if (!identity || (!waived && expiresAt <= this.clock.today())) {
      this.#known.addInvalid(key, asked);
      // What is not valid even with its expiry waived is not valid at all.
      if (waived) this.#known.addInvalid(strict, asked);
      this.#suspects.add(source);
      return INVALID;
    }
    this.#known.addIdentity(key, identity, { waived, asked });
    return identified(identity);
  }

  /**
   * Signs in, unless that was done, and validates the service's own token: Keystone lets every user do that. Whether
   * it may validate others is known only by its roles until a client's token comes.
   */
  async check(): Promise<string | undefined> {
    let roles: readonly string[];
    try {
      roles = await this.#validation.ownRoles(timeLimit(this.options.timeout * 1000));
    } catch (error) {
      if (!(error instanceof CannotAsk)) throw error;
      this.#outage.failed(error, '');
      return error.message;
    }
    if (roles.some((role) => VALIDATING_ROLES.includes(role.toLowerCase()))) {
      this.#forbidden = false;
      this.#roleMissing = false;
    } else {
      const held = roles.length === 0 ? 'none' : roles.join(', ');
      const reason = `it needs the role service in its project to validate tokens, and has ${held}`;
      if (!this.#roleMissing) this.observe('keystone-role-missing', { reason });
      this.#roleMissing = true;
      // As long as Keystone has refused nothing, its policy may be another one.
      if (this.#forbidden) return reason;
    }
    this.#outage.answered();
    return undefined;
  }

  #count({ authentication, source }: Judgement): Authentication {
    const overloaded = authentication.outcome === 'unavailable' && authentication.overloaded;
    this.observe('token-judged', { outcome: overloaded ? 'overloaded' : authentication.outcome, source });
    return authentication;
  }
}

/**
 * A signal for a time limit that is aborted after a response that has arrived by then was read: that this process
 * was busy says nothing about Keystone.
 */
function timeLimit(milliseconds: number): AbortSignal {
  const limit = new AbortController();
  setTimeout(() => setImmediate(() => limit.abort()), milliseconds).unref();
  return limit.signal;
}

function identified(identity: Identity): Authentication {
  return { outcome: 'identity', identity };
}
