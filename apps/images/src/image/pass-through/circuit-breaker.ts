import { GlanceUnavailable } from './errors.js';

/** How long the circuit stays open. */
const OPEN_MS = 1_000;

/** Opens while Glance accepts no connections, so that requests fail at once. After a pause one passes as the probe. */
export class CircuitBreaker {
  #failing = false;
  #closedAt = 0;

  /**
   * @param probeMs the longest that a probe needs to fail
   * @param now milliseconds of a monotonic clock
   */
  constructor(
    private readonly probeMs: number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @throws {GlanceUnavailable} the circuit is open */
  enter(): void {
    if (!this.#failing) return;
    const now = this.now();
    if (now < this.#closedAt) throw new GlanceUnavailable();
    this.#closedAt = now + this.probeMs;
  }

  /** Glance has accepted a connection. */
  succeeded(): void {
    this.#failing = false;
  }

  failed(): void {
    this.#failing = true;
    this.#closedAt = this.now() + OPEN_MS;
  }
}
