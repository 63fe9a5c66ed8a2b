/** How many kinds are known at most. */
const MOST = 1_000;

/** Lets one of each kind through in so many seconds. */
export class RateLimit {
  /** When the last of each kind was let through. */
  readonly #last = new Map<string, number>();

  constructor(
    private readonly seconds: number,
    /** A monotonic clock, in seconds. */
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  allows(kind: string): boolean {
    const now = this.now();
    const allowed = now - (this.#last.get(kind) ?? -Infinity) >= this.seconds;
    if (!allowed) return false;
    if (this.#last.size === MOST) this.#last.clear();
    this.#last.set(kind, now);
    return true;
  }
}
