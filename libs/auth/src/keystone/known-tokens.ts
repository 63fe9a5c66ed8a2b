import { hash, randomBytes } from 'node:crypto';
import type { Identity } from '@glimpse/domain';
import { LRUCache } from 'lru-cache';
import { canonicalSpelling } from './token-spelling.js';

/** The most tokens of each sort that are remembered, and of the valid ones the most roles and access rules. */
const MOST = 20_000;
const MOST_PARTS = 400_000;
/** Milliseconds for which an invalid token is not asked about again. */
const INVALID_FOR = 10_000;
/** Milliseconds for which a token whose expiry was waived counts, at most. */
const WAIVED_FOR = 10_000;

/** What is remembered of a valid token. All times but the expiry are of a clock that never goes back. */
interface Known {
  readonly identity: Identity;
  /** Milliseconds since 1970; infinite where it was waived. */
  readonly expiresAt: number;
  /** When Keystone was asked. */
  readonly asked: number;
  /** Until when Keystone is not asked again. */
  readonly until: number;
  /** Until when it counts while Keystone cannot be asked. */
  readonly outageUntil: number;
}

/** The clocks that tokens live by, in milliseconds. */
export interface Clock {
  /** Since whenever; never goes back. */
  monotonic(): number;
  /** Since 1970. */
  today(): number;
}

/**
 * What Keystone said about tokens, valid and invalid ones apart: however many invalid ones are made up, no
 * valid one is forgotten for them. A token is remembered under a keyed hash of it, together with whether its
 * expiry was waived: an answer of the one kind is never given for the other.
 */
export class KnownTokens {
  readonly #secret = randomBytes(32).toString('base64');
  readonly #valid = new LRUCache<string, Known>({
    max: MOST,
    maxSize: MOST_PARTS,
    sizeCalculation: ({ identity }) => 1 + identity.roles.length + (identity.accessRules?.length ?? 0),
  });
  /** When Keystone was asked about each. */
  readonly #invalid = new LRUCache<string, number>({ max: MOST });

  /**
   * @param cache seconds for which Keystone is not asked again
   * @param outage seconds after that for which a token counts while Keystone cannot be asked
   */
  constructor(
    private readonly cache: number,
    private readonly outage: number,
    private readonly clock: Clock,
  ) {}

  /** Under which a token is remembered, however it is spelled; it tells nothing about the token. */
  key(token: string, waived: boolean): string {
    return hash('sha256', `${this.#secret}${waived ? '+' : '-'}${canonicalSpelling(token)}`, 'binary');
  }

  /** Whether a token was valid when Keystone was last asked about it, and has not expired since. */
  wasValid(key: string): boolean {
    const known = this.#valid.peek(key);
    return known !== undefined && this.clock.today() < known.expiresAt;
  }

  /**
   * The identity behind a token, if it is known well enough not to ask Keystone.
   *
   * @param away Keystone cannot be asked, so that what was known before counts for longer
   */
  identity(key: string, { away = false } = {}): Identity | undefined {
    const known = this.#valid.get(key);
    if (!known || this.clock.monotonic() >= (away ? known.outageUntil : known.until)) return undefined;
    return this.clock.today() < known.expiresAt ? known.identity : undefined;
  }

  /** Whether Keystone said a moment ago that there is no such token. */
  isInvalid(key: string): boolean {
    const asked = this.#invalid.get(key);
    return asked !== undefined && this.clock.monotonic() < asked + INVALID_FOR;
  }

  /**
   * Remembers whose a token is, unless something newer is known.
   *
   * @param asked when Keystone was asked, by the monotonic clock
   */
  addIdentity(key: string, identity: Identity, { waived, asked }: { waived: boolean; asked: number }): void {
    if (this.#knowsNewer(key, asked)) return;
    this.#invalid.delete(key);
    const expiresAt = waived ? Infinity : (identity.expiresAt?.getTime() ?? Infinity);
    // The expiry is kept twice: a clock that is set back revives no token.
    const end = asked + (expiresAt - this.clock.today());
    const cache = this.cache * 1000;
    const until = Math.min(end, asked + (waived ? Math.min(cache, WAIVED_FOR) : cache));
    const outageUntil = waived ? until : Math.min(end, asked + cache + this.outage * 1000);
    this.#valid.set(key, { identity, expiresAt, asked, until, outageUntil });
  }

  /** Remembers that there is no such token, unless something newer is known. */
  addInvalid(key: string, asked: number): void {
    if (this.#knowsNewer(key, asked)) return;
    this.#valid.delete(key);
    this.#invalid.set(key, asked);
  }

  #knowsNewer(key: string, asked: number): boolean {
    return (
      (this.#valid.peek(key)?.asked ?? -Infinity) > asked || (this.#invalid.peek(key) ?? -Infinity) > asked
    );
  }
}
