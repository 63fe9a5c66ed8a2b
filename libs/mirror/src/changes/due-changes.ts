import type { PendingChange, SyncStatus, Viewer } from '@glimpse/domain';
import { BeatWatch } from './beat-watch.js';

/** An image that the mirror may show as it was before a change. */
interface DueImage {
  /** When this replica first knew of it; milliseconds of a monotonic clock. */
  readonly since: number;
  /** The projects in whose lists it is; null: in those of all. */
  readonly projects: ReadonlySet<string> | null;
}

/** A change of this replica that it could not settle. */
export interface HeldChange {
  /** All replicas know of it from now on: once the status that this one reads has it too, it need not be held. */
  release(): void;
}

/**
 * The images whose changes at the source the mirror may not show yet, as far as readers count them. It is in memory, so
 * that reads cost nothing while there are none: the status of the mirror brings the changes of all replicas, and this
 * replica holds its own until then.
 */
export class DueChanges {
  readonly #held = new Map<string, Set<{ releasedAt: number | undefined }>>();
  readonly #beats = new BeatWatch();
  #readAt = -Infinity;
  #stored: ReadonlyMap<string, DueImage> = new Map();
  #images = new Map<string, DueImage>();

  /** @param now milliseconds of a monotonic clock */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Receives the status of the mirror. */
  update({ pending }: SyncStatus, readAt: number): void {
    if (readAt < this.#readAt) return;
    this.#readAt = readAt;
    const stopped = new Set(this.#beats.stopped(pending, readAt));
    const due = pending.filter((change) => change.state !== 'sent' || stopped.has(change));
    this.#stored = imagesOf(due, readAt);
    for (const [id, held] of this.#held) {
      for (const change of held) {
        if (change.releasedAt !== undefined && change.releasedAt <= readAt) held.delete(change);
      }
      if (held.size === 0) this.#held.delete(id);
    }
    this.#merge();
  }

  /** Counts a change of this replica from now on. */
  hold(imageId: string): HeldChange {
    const change: { releasedAt: number | undefined } = { releasedAt: undefined };
    const held = this.#held.get(imageId) ?? new Set();
    this.#held.set(imageId, held.add(change));
    this.#merge();
    return { release: () => (change.releasedAt = this.now()) };
  }

  /** @param id in either case */
  has(id: string): boolean {
    return this.#images.size > 0 && this.#images.has(id.toLowerCase());
  }

  /** When this replica first knew that the image is due; undefined where it is not. */
  since(id: string): number | undefined {
    return this.#images.get(id)?.since;
  }

  /** The ids of those that lists of a viewer may have. */
  listedFor({ project, admin }: Viewer): readonly string[] {
    if (this.#images.size === 0) return [];
    return [...this.#images].flatMap(([id, { projects }]) =>
      admin || projects === null || (project !== null && projects.has(project)) ? id : [],
    );
  }

  #merge(): void {
    const images = new Map<string, DueImage>();
    const now = this.now();
    for (const [id, image] of this.#stored) {
      images.set(id, { ...image, since: this.#images.get(id)?.since ?? image.since });
    }
    for (const id of this.#held.keys()) {
      images.set(id, { since: this.#images.get(id)?.since ?? now, projects: null });
    }
    this.#images = images;
  }
}

function imagesOf(due: readonly PendingChange[], since: number): Map<string, DueImage> {
  const images = new Map<string, DueImage>();
  for (const { imageId, projects } of due) {
    const others = images.get(imageId);
    const all = projects === null || others?.projects === null;
    images.set(imageId, {
      since,
      projects: all ? null : new Set([...(others?.projects ?? []), ...projects]),
    });
  }
  return images;
}
