/** The most kinds that are remembered. */
const MAX_KINDS = 1_000;

/** Allows one event of each kind per interval. */
export class RateLimit {
  /** When the last event of each kind was allowed. */
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
    if (this.#last.size === MAX_KINDS) this.#last.clear();
    this.#last.set(kind, now);
    return true;
  }
}
