import type { PendingChange } from '@glimpse/domain';

/** For how long a beat must stand still until its replica counts as stopped; it counts up every second. */
const STOPPED_AFTER_MS = 4_000;
/** Between reads further apart nothing is known of the beats: the database may have been unavailable. */
const MAX_READ_INTERVAL_MS = 2_500;

/** Detects changes whose replica has stopped before a response came, by this process's own clock. */
export class BeatWatch {
  #seen: ReadonlyMap<string, { readonly beat: number; readonly since: number }> = new Map();
  #readAt = -Infinity;

  /**
   * @param readAt when the changes were read; milliseconds of a monotonic clock
   * @returns those of the changes whose beats have stood still
   */
  stopped(pending: readonly PendingChange[], readAt: number): readonly PendingChange[] {
    const before = readAt - this.#readAt > MAX_READ_INTERVAL_MS ? undefined : this.#seen;
    const seen = new Map<string, { beat: number; since: number }>();
    const stopped = pending.filter((change) => {
      if (change.state !== 'sent') return false;
      const key = `${change.change} ${change.imageId}`;
      const last = before?.get(key);
      const since = last?.beat === change.beat ? last.since : readAt;
      seen.set(key, { beat: change.beat, since });
      return readAt - since >= STOPPED_AFTER_MS;
    });
    this.#seen = seen;
    this.#readAt = readAt;
    return stopped;
  }
}
