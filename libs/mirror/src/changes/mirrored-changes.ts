import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  type ImageReader,
  type ListAudience,
  type OnImagesChanged,
} from '@glimpse/domain';
import { audienceIn, joined } from './changed-audience.js';
import type { DueChanges, HeldChange } from './due-changes.js';
import { fetchOnce, settleImage, type ResponseEffect, type SettleParts } from './settle-image.js';
import type { SourceChange, SourceChanges, SourceResponse } from './source-changes.js';

/** How long a response waits until the mirror shows its change, and then until the other replicas know of it. */
const SETTLE_TIME_MS = 4_500;
const RELEASE_TIME_MS = 500;
/** Between two beats, and between two attempts to let other replicas know of a change. */
const BEAT_INTERVAL_MS = 1_000;

export interface MirroredChangesOptions extends SettleParts {
  /** What a response of the source says of its images. */
  readonly effectOf: (response: SourceResponse) => ResponseEffect;
  /** The changes that readers of this replica count. */
  readonly due: DueChanges;
  /** Reads what the mirror holds. */
  readonly reader: ImageReader;
  readonly onChanged?: OnImagesChanged;
}

/** A change at the source that was begun. */
interface BegunChange {
  /** Undefined where it was not noted. */
  readonly change: bigint | undefined;
  readonly imageIds: readonly string[];
  /** The projects in whose lists the images were. */
  readonly before: ListAudience;
}

/** A change that this replica counts and others may not yet. */
interface Unreleased {
  readonly change: bigint | undefined;
  readonly imageId: string;
  readonly state: 'answered' | 'lost';
  readonly held: HeldChange;
}

/**
 * Changes at the source of a mirror. Each image has a row before the request is sent, which outlives this process. After
 * the response the image is fetched and applied; where that takes too long the row is left to the follower, and until
 * then readers of all replicas fetch the image themselves.
 */
export class MirroredChanges implements SourceChanges {
  /** The changes whose beats are counted up. */
  readonly #running = new Set<bigint>();
  readonly #unreleased = new Set<Unreleased>();

  constructor(private readonly options: MirroredChangesOptions) {}

  async begin(ids: readonly string[]): Promise<SourceChange> {
    const imageIds = [...new Set(ids.map((id) => id.toLowerCase()))];
    const change = imageIds.length > 0 ? await this.options.pending.note(imageIds) : undefined;
    if (change !== undefined) this.#running.add(change);
    const begun = { change, imageIds, before: await this.#audienceOf(imageIds) };
    const end = async (work: () => Promise<void>): Promise<void> => {
      await work();
      if (change !== undefined) this.#running.delete(change);
    };
    return {
      settle: (response) => end(() => this.#settle(begun, response)),
      withdraw: () => end(() => this.#forget(change, imageIds)),
    };
  }

  /** Counts up beats, and lets other replicas know of what they do not know yet, until stopped. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      await sleep(BEAT_INTERVAL_MS, undefined, { signal: stop }).catch(() => undefined);
      if (stop.aborted) return;
      if (this.#running.size > 0) await ignoringOutage(this.options.pending.beat([...this.#running]));
      for (const change of this.#unreleased) await this.#release(change);
    }
  }

  async #settle(
    { change, imageIds, before }: BegunChange,
    response: SourceResponse | undefined,
  ): Promise<void> {
    const { effectOf, onChanged } = this.options;
    const effect: ResponseEffect = response ? effectOf(response) : { kind: 'unknown' };
    const named = 'imageId' in effect ? effect.imageId : undefined;
    // Other ids of the path are no images.
    const others = named === undefined ? [] : imageIds.filter((id) => id !== named);
    const images = named === undefined ? imageIds : [named];
    // Another change of an image may have been shown since this one was begun.
    const between = await this.#audienceOf(images);
    const [settled] = await Promise.all([
      Promise.all(
        images.map((id) => this.#settleOne(imageIds.includes(id) ? change : undefined, id, effect)),
      ),
      others.length > 0 ? this.#forget(change, others) : undefined,
    ]);
    const after = settled.every(Boolean) ? await this.#audienceOf(images) : 'everyone';
    onChanged?.(images, joined([before, between, after]));
  }

  async #audienceOf(imageIds: readonly string[]): Promise<ListAudience> {
    return joined(await Promise.all(imageIds.map((id) => audienceIn(this.options.reader, id))));
  }

  /** @returns whether the change has ended and the mirror shows it */
  async #settleOne(change: bigint | undefined, imageId: string, effect: ResponseEffect): Promise<boolean> {
    const end = AbortSignal.timeout(SETTLE_TIME_MS);
    if (effect.kind === 'unknown') await this.#leave({ change, imageId, state: 'lost' });
    const isSettled = await inTime(end, this.#apply(change, imageId, effect, end)).catch((error: unknown) => {
      this.options.observe('source-change-failed', { id: imageId, reason: String(error) });
      return false;
    });
    const outcome = isSettled ? 'shown' : effect.kind === 'unknown' ? 'lost' : 'left';
    this.options.observe('source-change-ended', { outcome });
    if (effect.kind !== 'unknown' && !isSettled) await this.#leave({ change, imageId, state: 'answered' });
    return Boolean(isSettled);
  }

  /** Applies what became of an image. @returns whether the change has ended and the mirror shows it */
  async #apply(
    change: bigint | undefined,
    imageId: string,
    effect: ResponseEffect,
    end: AbortSignal,
  ): Promise<boolean> {
    switch (effect.kind) {
      case 'removed':
        return this.#remove(change, imageId, end);
      case 'changed':
        return settleImage(this.options, change, imageId, effect.compare, end);
      case 'none':
        await fetchOnce(this.options, imageId, end);
        await this.#forget(change, [imageId]);
        return true;
      case 'unknown':
        await fetchOnce(this.options, imageId, end);
        return false;
    }
  }

  async #remove(change: bigint | undefined, imageId: string, end: AbortSignal): Promise<boolean> {
    const { mirror, pending } = this.options;
    for (; !end.aborted; await sleep(RELEASE_TIME_MS, undefined, { ref: false })) {
      try {
        await pending.settleRemoved(change, imageId, await mirror.draw());
        return true;
      } catch (error) {
        if (!(error instanceof CatalogueUnavailable)) throw error;
      }
    }
    return false;
  }

  /** Leaves a change to readers and the follower. Readers of this replica count it at once. */
  async #leave(left: Omit<Unreleased, 'held'>): Promise<void> {
    const unreleased = { ...left, held: this.options.due.hold(left.imageId) };
    this.#unreleased.add(unreleased);
    await inTime(AbortSignal.timeout(RELEASE_TIME_MS), this.#release(unreleased));
  }

  async #release(unreleased: Unreleased): Promise<void> {
    const { change, imageId, state, held } = unreleased;
    try {
      await this.options.pending.release(change, imageId, state);
      held.release();
      this.#unreleased.delete(unreleased);
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
    }
  }

  /** A row that stays behind is left to the follower, as of a replica that has stopped. */
  async #forget(change: bigint | undefined, imageIds: readonly string[]): Promise<void> {
    if (change !== undefined) await ignoringOutage(this.options.pending.forget(change, imageIds));
  }
}

/** @returns undefined where the signal comes first */
async function inTime<T>(end: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  const over = new Promise<undefined>((resolve) => {
    end.addEventListener('abort', () => resolve(undefined), { once: true });
  });
  return Promise.race([work, over]);
}

async function ignoringOutage(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!(error instanceof CatalogueUnavailable)) throw error;
  }
}
