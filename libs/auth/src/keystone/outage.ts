import { KnownAway, type CannotAsk } from './cannot-ask.js';

/** Milliseconds for which Keystone is left alone after it could not be asked, and at most if it asks for more. */
const PAUSE = 1_000;
const LONGEST_PAUSE = 30_000;
/** How many tokens have to fail, and none to succeed, until what may be a token's doing is taken for Keystone's. */
const ENOUGH = 3;

/**
 * Knows that Keystone is away, so that not everybody has to find out. It is left alone for a while, then one
 * call tries for all.
 */
export class Outage {
  #pause?: { readonly until: number; probing: boolean } | undefined;
  #trouble?: { readonly reason: string; readonly since: number; readonly said: number } | undefined;
  /** The tokens that failed since one did not. */
  readonly #failed = new Set<string>();

  /**
   * @param now milliseconds of a clock that never goes back
   * @param onChange told why Keystone cannot be asked, and with undefined that it can again
   */
  constructor(
    private readonly now: () => number,
    private readonly onChange: (reason: string | undefined) => void,
  ) {}

  /**
   * Lets nobody by while Keystone is left alone.
   *
   * @throws {KnownAway}
   */
  check(): void {
    if (!this.#pause) return;
    const wait = this.#pause.until - this.now();
    if (wait <= 0 && !this.#pause.probing) return;
    throw new KnownAway('it was away a moment ago', Math.max(1, Math.ceil(wait / 1000)));
  }

  /**
   * As {@link check}; whoever comes by says how it went, for all others who wait for that.
   *
   * @throws {KnownAway}
   */
  enter(): void {
    this.check();
    if (this.#pause) this.#pause.probing = true;
  }

  /** Keystone answered what it was asked. */
  answered(): void {
    this.#pause = undefined;
    this.#failed.clear();
    // Where every other call fails, that would be said with every other call.
    if (!this.#trouble || this.now() < this.#trouble.since + PAUSE) return;
    this.#trouble = undefined;
    this.onChange(undefined);
  }

  /**
   * Keystone could not be asked.
   *
   * @param about under which the token is known that it was asked about
   */
  failed({ away, retryAfter, message }: CannotAsk, about: string): void {
    if (this.#failed.size < ENOUGH) this.#failed.add(about);
    const isAway = away === 'certainly' || (away === 'perhaps' && this.#failed.size >= ENOUGH);
    const pause = Math.min(Math.max(PAUSE, retryAfter * 1000), LONGEST_PAUSE);
    this.#pause = isAway ? { until: this.now() + pause, probing: false } : undefined;
    this.noted(message);
  }

  /** Something went wrong that keeps nobody out. */
  noted(reason: string): void {
    const now = this.now();
    const { reason: before, said = -Infinity } = this.#trouble ?? {};
    const tells = reason !== before && now >= said + PAUSE;
    this.#trouble = { reason: tells ? reason : (before ?? reason), since: now, said: tells ? now : said };
    if (tells) this.onChange(reason);
  }
}
