import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable, LeaseLost, SourceUnavailable } from '@glimpse/domain';
import type { ObserveMirror } from '../observations.js';

const RETRY_INTERVAL_MS = 1_000;
/** Without a failure for so long the source counts as available again. */
const RECOVERED_AFTER_MS = 5_000;

/** Waits, at most until the signal. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** Runs work and pauses in proportion, so that it uses no more than a fraction of the source's time. */
export async function paced<T>(fraction: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  await pause((performance.now() - began) * (1 / fraction - 1), signal);
  return result;
}

/** Retries failed work, and reports each reason once. */
export class RetryLoop {
  #reason?: string | undefined;
  #failedAt = -Infinity;

  constructor(private readonly observe: ObserveMirror) {}

  /**
   * Repeats work until the signal, through failures.
   *
   * @throws as {@link once}
   */
  async repeat(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) await this.once(signal, work);
  }

  /**
   * Runs work until it succeeds once. Failures are outages of the source or the database, and bugs that odd images
   * trigger: one image must not end the synchronisation.
   *
   * @throws {LeaseLost} unless the signal is aborted
   */
  async once(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await work();
        this.#succeeded();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof LeaseLost) throw error;
        this.#failed(error);
        await pause(RETRY_INTERVAL_MS, signal);
      }
    }
  }

  #failed(error: unknown): void {
    this.#failedAt = performance.now();
    let reason = 'the database is unavailable';
    if (error instanceof SourceUnavailable) ({ reason } = error);
    else if (!(error instanceof CatalogueUnavailable)) {
      reason = 'an unexpected error';
      this.observe('follower-failed', { error });
    }
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.observe('source-unavailable', { reason });
  }

  #succeeded(): void {
    if (this.#reason === undefined || performance.now() < this.#failedAt + RECOVERED_AFTER_MS) return;
    this.#reason = undefined;
    this.observe('source-available', {});
  }
}
