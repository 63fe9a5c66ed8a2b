import { CircuitOpen, type KeystoneUnavailable } from './errors.js';

/** How long the circuit stays open, and at most where Keystone requests more by `Retry-After`. */
const OPEN_MS = 1_000;
const MAX_OPEN_MS = 30_000;
/** How many tokens have to fail in a row, where a failure may be due to the one token. */
const FAILED_TOKENS = 3;

/**
 * Opens while Keystone is unavailable, so that requests fail at once instead of waiting for it. After a pause one call
 * passes as the probe.
 */
export class KeystoneCircuitBreaker {
  #open?: { readonly until: number; probing: boolean } | undefined;
  #problem?: { readonly reason: string; readonly since: number; readonly reportedAt: number } | undefined;
  /** The tokens that failed since the last success. */
  readonly #failed = new Set<string>();

  /**
   * @param now milliseconds of a monotonic clock
   * @param onChange called with the reason when Keystone becomes unavailable, and with undefined when it recovers
   */
  constructor(
    private readonly now: () => number,
    private readonly onChange: (reason: string | undefined) => void,
  ) {}

  /**
   * Refuses calls while the circuit is open.
   *
   * @throws {CircuitOpen}
   */
  check(): void {
    if (!this.#open) return;
    const wait = this.#open.until - this.now();
    if (wait <= 0 && !this.#open.probing) return;
    throw new CircuitOpen('it was away a moment ago', Math.max(1, Math.ceil(wait / 1000)));
  }

  /**
   * As {@link check}. The caller that passes is the probe: its result decides for the others.
   *
   * @throws {CircuitOpen}
   */
  enter(): void {
    this.check();
    if (this.#open) this.#open.probing = true;
  }

  /** Keystone responded. */
  succeeded(): void {
    this.#open = undefined;
    this.#failed.clear();
    // Avoid log flapping: recovery is reported only after a quiet second.
    if (!this.#problem || this.now() < this.#problem.since + OPEN_MS) return;
    this.#problem = undefined;
    this.onChange(undefined);
  }

  /**
   * A call failed.
   *
   * @param tokenKey the cache key of the token that was to be validated
   */
  failed({ affectsOthers, retryAfter, message }: KeystoneUnavailable, tokenKey: string): void {
    if (this.#failed.size < FAILED_TOKENS) this.#failed.add(tokenKey);
    const isAway =
      affectsOthers === 'certainly' || (affectsOthers === 'perhaps' && this.#failed.size >= FAILED_TOKENS);
    const openMs = Math.min(Math.max(OPEN_MS, retryAfter * 1000), MAX_OPEN_MS);
    this.#open = isAway ? { until: this.now() + openMs, probing: false } : undefined;
    this.report(message);
  }

  /** Reports a problem that does not open the circuit. */
  report(reason: string): void {
    const now = this.now();
    const { reason: before, reportedAt = -Infinity } = this.#problem ?? {};
    const isNew = reason !== before && now >= reportedAt + OPEN_MS;
    this.#problem = {
      reason: isNew ? reason : (before ?? reason),
      since: now,
      reportedAt: isNew ? now : reportedAt,
    };
    if (isNew) this.onChange(reason);
  }
}
