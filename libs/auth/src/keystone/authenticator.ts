import type { Identity } from '@glimpse/domain';
import type { Authentication, AuthenticationRequest, Authenticator, RequestSource } from '@glimpse/plugins';
import { timeLimit } from '@glimpse/http-client';
import { KeystoneCircuitBreaker } from './circuit-breaker.js';
import { CircuitOpen, KeystoneUnavailable, QueueTimeout, ValidationForbidden } from './errors.js';
import { createKeystoneClient } from './keystone-client.js';
import { readKeystoneOptions, type KeystoneOptions } from './options.js';
import { OwnToken } from './own-token.js';
import { Suspects } from './suspects.js';
import { TokenCache, type Clock } from './token-cache.js';
import { isFernetToken } from './token-spelling.js';
import { ValidationQueue, type Demand } from './validation-queue.js';
import { Validation } from './validation.js';

/** The form of every token. A Fernet token has some 250 characters; common web servers refuse more than this. */
const TOKEN = /^[\x21-\x7e]{1,3500}$/;

/** The roles by which Keystone's default policy lets a user validate the tokens of others. */
const VALIDATING_ROLES = ['service', 'admin'];
const NO_SOURCE: RequestSource = { address: '', client: '' };
const INVALID: Authentication = { outcome: 'invalid' };

/** Events for logs and metrics. None has a token or a password. */
export interface KeystoneObservations {
  /** Emitted when the reason changes, until Keystone responds again. */
  'keystone-unavailable': { readonly reason: string };
  'keystone-available': object;
  /** The service's user has no role that Keystone's default policy requires to validate tokens. */
  'keystone-role-missing': { readonly reason: string };
  'token-validated': {
    /** `overloaded`: a queue timeout; Keystone may be healthy. */
    readonly outcome: Authentication['outcome'] | 'overloaded';
    /** `none`: neither cached nor validated by Keystone. */
    readonly source: 'cache' | 'keystone' | 'none';
  };
}

export type ObserveKeystone = <N extends keyof KeystoneObservations>(
  name: N,
  known: KeystoneObservations[N],
) => void;

export interface KeystoneHooks {
  readonly observe?: ObserveKeystone;
  readonly clock?: Clock;
  /** Turns an option's name into the name that messages show. */
  readonly nameOf?: (option: string) => string;
}

const CLOCK: Clock = { monotonic: () => performance.now(), today: () => Date.now() };

/**
 * The `keystone` authenticator: validates tokens at Keystone, as a service with credentials of its own, and caches
 * the results. It opens no connection before the first token.
 *
 * The outcome is `unavailable` where Keystone is unavailable, too busy, or does not let the service validate tokens:
 * that is never the client's fault. Cached results stay valid then, as long as `cache` and `outage` allow.
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
  { observe = () => undefined, clock = CLOCK, nameOf }: KeystoneHooks = {},
): Authenticator {
  return new KeystoneAuthenticator(readKeystoneOptions(options, nameOf), observe, clock);
}

/** The cache keys of a token: with its expiry, and as it was requested, perhaps without. */
interface Keys {
  readonly strict: string;
  readonly key: string;
}

/** A token to validate. */
interface TokenRequest extends Keys {
  readonly token: string;
  readonly fresh: boolean;
  readonly source: RequestSource;
}

/** The authentication of a token, and where it comes from. */
interface Validated {
  readonly authentication: Authentication;
  readonly source: 'cache' | 'keystone' | 'none';
}

class KeystoneAuthenticator implements Authenticator {
  readonly challenge: string;
  readonly #validation: Validation;
  readonly #cache: TokenCache;
  readonly #queue: ValidationQueue;
  readonly #suspects: Suspects;
  readonly #ownToken: OwnToken;
  readonly #breaker: KeystoneCircuitBreaker;
  /** Whether Keystone last refused the service's user the validation of a token. */
  #forbidden = false;
  #roleMissing = false;
  /** Validations that run or wait, shared by concurrent requests with the same token. */
  readonly #pending = new Map<string, Promise<Validated>>();

  constructor(
    private readonly options: KeystoneOptions,
    private readonly observe: ObserveKeystone,
    private readonly clock: Clock,
  ) {
    const send = createKeystoneClient(options);
    this.challenge = `Keystone uri="${options.publicUrl ?? options.authUrl}"`;
    this.#breaker = new KeystoneCircuitBreaker(clock.monotonic, (reason) => {
      if (reason === undefined) observe('keystone-available', {});
      else observe('keystone-unavailable', { reason });
    });
    this.#ownToken = new OwnToken(send, options, clock.monotonic, ({ message }) =>
      this.#breaker.report(message),
    );
    this.#validation = new Validation(send, this.#ownToken, options);
    this.#cache = new TokenCache(options.cache, options.outage, clock);
    this.#queue = new ValidationQueue(options.concurrency, options.queue);
    this.#suspects = new Suspects(clock.monotonic);
  }

  authenticate(
    token: string,
    { allowExpired = false, fresh = false, source = NO_SOURCE }: AuthenticationRequest = {},
  ): Authentication | Promise<Authentication> {
    const strict = this.#cache.key(token, false);
    const key = allowExpired ? this.#cache.key(token, true) : strict;
    const identity = fresh ? undefined : this.#cached({ strict, key });
    if (identity) return this.#count({ authentication: identified(identity), source: 'cache' });
    if (this.#cache.isInvalid(key) || !TOKEN.test(token)) {
      return this.#count({ authentication: INVALID, source: 'cache' });
    }
    return this.#shared({ token, strict, key, fresh, source }).then((validated) => this.#count(validated));
  }

  /** The cached identity of a token that is valid as it is, or else with its expiry waived. */
  #cached({ strict, key }: Keys, outage = { away: false }): Identity | undefined {
    return (
      this.#cache.identity(strict, outage) ?? (key === strict ? undefined : this.#cache.identity(key, outage))
    );
  }

  /**
   * Requests with the same token share one call. A `no-cache` request shares only a call that is not sent yet, so
   * that its result is newer than the request.
   */
  #shared(request: TokenRequest): Promise<Validated> {
    const name = request.fresh ? `fresh ${request.key}` : request.key;
    const running = this.#pending.get(name);
    if (running) return running;
    let joinable = true;
    const close = (): void => {
      if (joinable) this.#pending.delete(name);
      joinable = false;
    };
    const shared = this.#validateInTurn(request, request.fresh ? close : () => undefined).finally(close);
    if (joinable) this.#pending.set(name, shared);
    return shared;
  }

  /** The kind of a validation, which decides its place in the queue. */
  #demandOf({ token, strict, key, fresh, source }: TokenRequest): Demand {
    if (this.#cache.wasValid(strict) || this.#cache.wasValid(key)) return { kind: fresh ? 'fresh' : 'known' };
    // A Keystone that issues Fernet tokens accepts no others.
    const own = this.#ownToken.current;
    const implausible = own !== undefined && isFernetToken(own) && !isFernetToken(token);
    return { kind: 'unknown', source, suspicion: implausible ? 2 : this.#suspects.suspicionOf(source) };
  }

  /** @param onSend called when the call is about to be sent */
  async #validateInTurn(request: TokenRequest, onSend: () => void): Promise<Validated> {
    try {
      this.#breaker.check();
      return { authentication: await this.#inTurn(request, onSend), source: 'keystone' };
    } catch (error) {
      if (!(error instanceof KeystoneUnavailable)) throw error;
      const { retryAfter } = error;
      if (error instanceof QueueTimeout) {
        return { authentication: { outcome: 'unavailable', retryAfter, overloaded: true }, source: 'none' };
      }
      const identity = this.#cached(request, { away: true });
      if (identity) return { authentication: identified(identity), source: 'cache' };
      const source = error instanceof CircuitOpen ? 'none' : 'keystone';
      return { authentication: { outcome: 'unavailable', retryAfter }, source };
    }
  }

  /**
   * Validates a token when a slot is free. Waiting counts towards the time limit of the client and not of Keystone: a
   * call that waited goes on after its client got a 503, and only a full time limit without a response counts as
   * Keystone's failure.
   */
  #inTurn(request: TokenRequest, onSend: () => void): Promise<Authentication> {
    const timeout = this.options.timeout * 1000;
    const began = this.clock.monotonic();
    return new Promise((resolve, reject) => {
      const call = (): Promise<Authentication> => {
        onSend();
        const waited = this.clock.monotonic() - began;
        const left = timeout - Math.min(waited, timeout / 2);
        const late = waited < 1 ? undefined : setTimeout(() => reject(new QueueTimeout()), left);
        return this.#validate(request).finally(() => clearTimeout(late));
      };
      const queueTimeout = AbortSignal.timeout(timeout / 2);
      this.#queue.run(call, this.#demandOf(request), queueTimeout).then(resolve, reject);
    });
  }

  async #validate({ token, strict, key, source }: TokenRequest): Promise<Authentication> {
    // The circuit may have opened while this call waited.
    this.#breaker.enter();
    const sentAt = this.clock.monotonic();
    const waived = key !== strict;
    const signal = timeLimit(this.options.timeout * 1000);
    let identity: Identity | undefined;
    try {
      identity = await this.#validation.identity(token, { allowExpired: waived, signal });
    } catch (error) {
      this.#forbidden = error instanceof ValidationForbidden;
      this.#breaker.failed(error as KeystoneUnavailable, strict);
      throw error;
    }
    this.#forbidden = false;
    this.#breaker.succeeded();
    const expiresAt = identity?.expiresAt?.getTime() ?? Infinity;
    if (!identity || (!waived && expiresAt <= this.clock.today())) {
      this.#cache.addInvalid(key, sentAt);
      // A token that is invalid even with its expiry waived is invalid without.
      if (waived) this.#cache.addInvalid(strict, sentAt);
      this.#suspects.add(source);
      return INVALID;
    }
    this.#cache.addIdentity(key, identity, { waived, sentAt });
    return identified(identity);
  }

  /**
   * Fetches the service's own token, if there is none, and validates it, which Keystone allows every user. Whether the
   * user may validate other tokens is known from its roles only, until a client sends one.
   */
  async check(): Promise<string | undefined> {
    let roles: readonly string[];
    try {
      roles = await this.#validation.ownRoles(timeLimit(this.options.timeout * 1000));
    } catch (error) {
      if (!(error instanceof KeystoneUnavailable)) throw error;
      this.#breaker.failed(error, '');
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
      // While Keystone has refused nothing, its policy may differ from the default.
      if (this.#forbidden) return reason;
    }
    this.#breaker.succeeded();
    return undefined;
  }

  #count({ authentication, source }: Validated): Authentication {
    const overloaded = authentication.outcome === 'unavailable' && authentication.overloaded;
    this.observe('token-validated', { outcome: overloaded ? 'overloaded' : authentication.outcome, source });
    return authentication;
  }
}

function identified(identity: Identity): Authentication {
  return { outcome: 'identity', identity };
}
