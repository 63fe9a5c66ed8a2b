import { KnownAway } from './cannot-ask.js';

/** Milliseconds for which Keystone is left alone after it could not be asked. */
const PAUSE = 1_000;

/**
 * Knows that Keystone is away, so that not everybody has to find out. It is left alone for a second, then one
 * call tries for all.
 */
export class Outage {
  #pause?: { readonly until: number; probing: boolean };
  #trouble?: { readonly reason: string; readonly since: number };

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
    // Where every other call fails, that would be said with every other call.
    if (!this.#trouble || this.now() < this.#trouble.since + PAUSE) return;
    this.#trouble = undefined;
    this.onChange(undefined);
  }

  failed({ message: reason, away }: { readonly message: string; readonly away?: boolean }): void {
    const now = this.now();
    if (this.#trouble?.reason !== reason) this.onChange(reason);
    this.#trouble = { reason, since: now };
    this.#pause = away ? { until: now + PAUSE, probing: false } : undefined;
  }
}
