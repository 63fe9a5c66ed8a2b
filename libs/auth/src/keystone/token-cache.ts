import { hash, randomBytes } from 'node:crypto';
import type { Identity } from '@glimpse/domain';
import { LRUCache } from 'lru-cache';
import { canonicalSpelling } from './token-spelling.js';

/** How many valid and how many invalid tokens are cached, and how many roles and access rules of the valid ones. */
const MAX_TOKENS = 20_000;
const MAX_PARTS = 400_000;
/** How long an invalid token is not validated again. */
const INVALID_FOR_MS = 10_000;
/** How long a token whose expiry was waived is cached at most. */
const WAIVED_FOR_MS = 10_000;

/** All times but the expiry are of the monotonic clock. */
interface CachedToken {
  readonly identity: Identity;
  /** Milliseconds since 1970; infinite where it was waived. */
  readonly expiresAt: number;
  /** When the validation was sent. */
  readonly sentAt: number;
  /** Until when it is not validated again. */
  readonly until: number;
  /** Until when it is accepted while Keystone is unavailable. */
  readonly outageUntil: number;
}

/** In milliseconds. */
export interface Clock {
  /** Since any moment; never goes back. */
  monotonic(): number;
  /** Since 1970. */
  today(): number;
}

/**
 * Results of Keystone's validation. Valid and invalid tokens are cached apart, so that invalid ones, however many,
 * displace no valid one. The key is a keyed hash of the token and whether its expiry was waived: a result of one kind
 * is never used for the other.
 */
export class TokenCache {
  readonly #secret = randomBytes(32).toString('base64');
  readonly #valid = new LRUCache<string, CachedToken>({
    max: MAX_TOKENS,
    maxSize: MAX_PARTS,
    sizeCalculation: ({ identity }) => 1 + identity.roles.length + (identity.accessRules?.length ?? 0),
  });
  /** When the validation of each was sent. */
  readonly #invalid = new LRUCache<string, number>({ max: MAX_TOKENS });

  /**
   * @param cache seconds for which a token is not validated again
   * @param outage seconds after that for which it is accepted while Keystone is unavailable
   */
  constructor(
    private readonly cache: number,
    private readonly outage: number,
    private readonly clock: Clock,
  ) {}

  /** The cache key of a token in any spelling; the token cannot be derived from it. */
  key(token: string, waived: boolean): string {
    return hash('sha256', `${this.#secret}${waived ? '+' : '-'}${canonicalSpelling(token)}`, 'binary');
  }

  /** Whether a token was valid at its last validation, and has not expired since. */
  wasValid(key: string): boolean {
    const cached = this.#valid.peek(key);
    return cached !== undefined && this.clock.today() < cached.expiresAt;
  }

  /**
   * The identity behind a token that need not be validated again.
   *
   * @param away Keystone is unavailable, so that older results are accepted
   */
  identity(key: string, { away = false } = {}): Identity | undefined {
    const cached = this.#valid.get(key);
    if (!cached || this.clock.monotonic() >= (away ? cached.outageUntil : cached.until)) return undefined;
    return this.clock.today() < cached.expiresAt ? cached.identity : undefined;
  }

  /** Whether Keystone refused a token a moment ago. */
  isInvalid(key: string): boolean {
    const sentAt = this.#invalid.get(key);
    return sentAt !== undefined && this.clock.monotonic() < sentAt + INVALID_FOR_MS;
  }

  /**
   * Caches a valid token, unless a newer result is cached.
   *
   * @param sentAt when the validation was sent, by the monotonic clock
   */
  addIdentity(
    key: string,
    identity: Identity,
    { waived, sentAt }: { waived: boolean; sentAt: number },
  ): void {
    if (this.#hasNewer(key, sentAt)) return;
    this.#invalid.delete(key);
    const expiresAt = waived ? Infinity : (identity.expiresAt?.getTime() ?? Infinity);
    // The expiry is kept by both clocks: setting the wall clock back revives no token.
    const end = sentAt + (expiresAt - this.clock.today());
    const cache = this.cache * 1000;
    const until = Math.min(end, sentAt + (waived ? Math.min(cache, WAIVED_FOR_MS) : cache));
    const outageUntil = waived ? until : Math.min(end, sentAt + cache + this.outage * 1000);
    this.#valid.set(key, { identity, expiresAt, sentAt, until, outageUntil });
  }

  /** Caches that a token is invalid, unless a newer result is cached. */
  addInvalid(key: string, sentAt: number): void {
    if (this.#hasNewer(key, sentAt)) return;
    this.#valid.delete(key);
    this.#invalid.set(key, sentAt);
  }

  #hasNewer(key: string, sentAt: number): boolean {
    return (
      (this.#valid.peek(key)?.sentAt ?? -Infinity) > sentAt || (this.#invalid.peek(key) ?? -Infinity) > sentAt
    );
  }
}
