import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  LeaseLost,
  SourceUnavailable,
  type FollowedMirror,
  type Lease,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { ObserveMirror } from '../observations.js';

/** What everybody needs who follows a source for as long as a lease lasts. */
export interface Following {
  readonly source: ImageSource;
  readonly mirror: FollowedMirror;
  readonly observe: ObserveMirror;
  readonly lease: Lease;
  /** Ends all of it. */
  readonly signal: AbortSignal;
}

/** Milliseconds until what failed is tried again. */
const RETRY = 1_000;
/** Milliseconds without a failure after which the source counts as available again. */
const CALM = 5_000;

/** Waits, at most until the signal. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => undefined);
}

/** Does something and rests in proportion, so that it takes no more than a share of the source's time. */
export async function paced<T>(share: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const began = performance.now();
  const result = await work();
  await pause((performance.now() - began) * (1 / share - 1), signal);
  return result;
}

/** Why a source or the database cannot be asked, said once. */
export class Trouble {
  #reason?: string | undefined;
  #failedAt = -Infinity;

  constructor(private readonly observe: ObserveMirror) {}

  /**
   * Does something again and again until the signal, whatever becomes of the source and the database meanwhile.
   *
   * @throws as {@link once}
   */
  async repeat(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) await this.once(signal, work);
  }

  /**
   * Does something, and again as long as it fails: the source or the database cannot be asked, or a mistake of ours
   * met something that is odd. One image must not end all that is followed.
   *
   * @throws {LeaseLost} unless the signal says that nobody cares any more
   */
  async once(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    while (!signal.aborted) {
      try {
        await work();
        this.#calm();
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof LeaseLost) throw error;
        this.#failed(error);
        await pause(RETRY, signal);
      }
    }
  }

  #failed(error: unknown): void {
    this.#failedAt = performance.now();
    let reason = 'the database cannot be asked';
    if (error instanceof SourceUnavailable) ({ reason } = error);
    else if (!(error instanceof CatalogueUnavailable)) {
      reason = 'an unexpected error';
      this.observe('follower-failed', { error });
    }
    if (reason === this.#reason) return;
    this.#reason = reason;
    this.observe('source-unavailable', { reason });
  }

  #calm(): void {
    if (this.#reason === undefined || performance.now() < this.#failedAt + CALM) return;
    this.#reason = undefined;
    this.observe('source-available', {});
  }
}

/** @throws {SourceUnavailable} the source does not show this service everything */
export async function requireSight({ source, signal }: Following): Promise<void> {
  const blindness = await source.blindness(signal);
  if (blindness !== undefined) throw new SourceUnavailable(blindness);
}
