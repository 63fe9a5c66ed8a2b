import { CatalogueUnavailable, type PendingChange, type PendingChanges } from '@glimpse/domain';
import { BeatWatch } from '../changes/beat-watch.js';
import { applyImage } from '../mirror/apply-image.js';
import { pause } from './retry-loop.js';
import { requireFullVisibility, type SyncContext } from './sync-context.js';

/** Between two rounds. */
const INTERVAL_MS = 1_000;
/** How many images are fetched at a time, and in one round. */
const CONCURRENCY = 4;
const MAX_FETCHED = 100;
/** After a fetch that is so much later than the first one, the source has shown what became of a change that ended. */
const SECOND_FETCH_AFTER_MS = 1_000;
/** A change that readers need not count is fetched again after this fraction of the time for which it has been followed. */
const WATCHED_PAUSE_FRACTION = 0.1;

/** How far a change is. Times are milliseconds of a monotonic clock. */
interface Retried {
  readonly seenAt: number;
  /** The first fetch that succeeded. */
  fetchedAt: number | undefined;
  nextAt: number;
}

/**
 * Fetches images whose changes were not settled by the replica that sent them: the source was unavailable, a response was
 * lost, or the replica has stopped. A change that has ended is forgotten after two fetches. One whose response was lost
 * may still be made: its image is fetched, less and less often, until a full sync has read it.
 */
export class PendingRetries {
  readonly #beats = new BeatWatch();
  #retried = new Map<string, Retried>();

  constructor(
    private readonly context: SyncContext,
    private readonly pending: PendingChanges,
  ) {}

  /** @throws {SourceUnavailable} {CatalogueUnavailable} no image could be fetched */
  async run(): Promise<void> {
    const { signal } = this.context;
    await pause(INTERVAL_MS, signal);
    if (signal.aborted) return;
    const readAt = performance.now();
    const all = await this.pending.all();
    for (const change of this.#beats.stopped(all, readAt)) await this.pending.takeOver(change);
    const retried = new Map<string, Retried>();
    const due = all.filter((change) => {
      if (change.state === 'sent') return false;
      const key = keyOf(change);
      const state = this.#retried.get(key) ?? { seenAt: readAt, fetchedAt: undefined, nextAt: readAt };
      retried.set(key, state);
      return state.nextAt <= readAt;
    });
    this.#retried = retried;
    await this.#fetchAll(due.slice(0, MAX_FETCHED));
  }

  async #fetchAll(due: readonly PendingChange[]): Promise<void> {
    let failures = 0;
    let failure: unknown;
    for (let from = 0; from < due.length && !this.context.signal.aborted; from += CONCURRENCY) {
      const batch = due.slice(from, from + CONCURRENCY).map((change) => this.#fetch(change));
      for (const result of await Promise.allSettled(batch)) {
        if (result.status === 'fulfilled') continue;
        if (!(result.reason instanceof CatalogueUnavailable)) throw result.reason;
        failures++;
        failure = result.reason;
      }
    }
    if (failures > 0 && failures === due.length) throw failure;
  }

  async #fetch(change: PendingChange): Promise<void> {
    const { mirror, signal } = this.context;
    const { imageId, state } = change;
    const began = performance.now();
    const outcome = await applyImage(this.context, imageId, signal);
    if (outcome !== 'applied' && (await mirror.shownId(imageId)) !== undefined) {
      await requireFullVisibility(this.context);
      await mirror.remove([imageId], outcome.missing);
    }
    const retried = this.#retried.get(keyOf(change));
    if (!retried) return;
    retried.fetchedAt ??= began;
    if (state === 'watched') retried.nextAt = began + (began - retried.seenAt) * WATCHED_PAUSE_FRACTION;
    if (began - retried.fetchedAt < SECOND_FETCH_AFTER_MS) return;
    if (state === 'answered') await this.pending.forget(change.change, [imageId]);
    if (state === 'lost') await this.pending.watch(change.change, imageId);
  }
}

function keyOf({ change, imageId }: PendingChange): string {
  return `${change} ${imageId}`;
}
