import {
  CatalogueBusy,
  CatalogueUnavailable,
  ImageNotFound,
  UNRESTRICTED_VIEWER,
  canSee,
  type Image,
  type ImageCache,
  type ImageReader,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { LRUCache } from 'lru-cache';
import type { ChangedIds, NotificationSource } from './change-notifications.js';
import { MAX_UNCONFIRMED_AGE_MS, ageOf, confirmedSession, waitBriefly, type Sent } from './freshness.js';
import { bytesOf } from './size.js';
import { Semaphore } from '../semaphore.js';

/** How long a read that bypasses the cache is queued: as long as a query may take. */
const QUEUE_TIMEOUT_MS = 2_000;

export interface CacheOptions {
  /** The most bytes that are cached. */
  readonly size: number;
  /** Seconds since a copy was last known to be current, after which it is not served any more. */
  readonly staleLimit: number;
  /** How many reads that bypass the cache run at a time. */
  readonly freshReads: number;
  /** Milliseconds of a monotonic clock, the one of the notifications. */
  readonly now?: () => number;
}

/** How a read was answered. */
export type CacheOutcome = 'hit' | 'miss' | 'shared' | 'bypass' | 'stale';

/** An image as it was when the query was sent, or later. */
interface Copy extends Sent {
  readonly image: Image;
  /** Of the image and of what others cache along with it. */
  readonly bytes: number;
}

/** A read in flight. */
interface Read {
  readonly sentAt: number;
  readonly image: Promise<Image>;
}

/**
 * Caches images by id in front of a reader. A copy is fresh if it was read while notifications were received, they
 * have been received ever since, and none named the image. Misses are not cached.
 */
export class CachedImageReader implements ImageReader, ImageCache {
  readonly #copies: LRUCache<string, Copy>;
  /** The last read in flight of each image. A notification removes it: then its result is not cached. */
  readonly #reads = new Map<string, Read>();
  readonly #freshReads: Semaphore;
  readonly #now: () => number;
  readonly #staleLimit: number;

  /** How many reads had each outcome. */
  readonly outcomes: Record<CacheOutcome, number> = { hit: 0, miss: 0, shared: 0, bypass: 0, stale: 0 };

  constructor(
    private readonly reader: ImageReader,
    private readonly notifications: NotificationSource,
    { size, staleLimit, freshReads, now = () => performance.now() }: CacheOptions,
  ) {
    this.#copies = new LRUCache({ maxSize: size, sizeCalculation: ({ bytes }) => bytes });
    this.#freshReads = new Semaphore({ permits: freshReads, queueTimeoutMs: QUEUE_TIMEOUT_MS });
    this.#now = now;
    this.#staleLimit = staleLimit;
    notifications.subscribe((changed) => this.drop(changed));
  }

  /** How many images are cached. */
  get entries(): number {
    return this.#copies.size;
  }

  /** An estimate of the memory that they need. */
  get bytes(): number {
    return this.#copies.calculatedSize;
  }

  async image(id: string, viewer: Viewer, options: ReadOptions = {}): Promise<Reading<Image>> {
    const key = id.toLowerCase();
    const copy = options.fresh ? undefined : this.#fresh(key);
    const isHidden = copy !== undefined && !canSee(copy, viewer);
    if (copy && !isHidden) {
      this.outcomes.hit++;
      return { source: 'fresh', value: copy };
    }
    try {
      const image = await (isHidden ? this.#readHidden(key, options) : this.#read(key, options));
      if (!canSee(image, viewer)) throw new ImageNotFound(image.id);
      return { source: 'fresh', value: image };
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
      if (error instanceof CatalogueBusy && this.notifications.session) throw error;
      return this.#stale(key, viewer, error);
    }
  }

  cached(id: string, viewer: Viewer): Image | undefined {
    const image = this.#fresh(id.toLowerCase());
    if (!image || !canSee(image, viewer)) return undefined;
    this.outcomes.hit++;
    return image;
  }

  accountBytes(image: Image, bytes: number): void {
    const copy = this.#copies.peek(image.id);
    if (copy?.image === image) this.#copies.set(image.id, { ...copy, bytes: copy.bytes + bytes });
  }

  /** Drops the copies of images that have changed. */
  drop(changed: ChangedIds): void {
    if (changed === 'all') {
      this.#copies.clear();
      this.#reads.clear();
      return;
    }
    for (const key of changed) {
      this.#copies.delete(key);
      this.#reads.delete(key);
    }
  }

  #fresh(key: string): Image | undefined {
    const session = confirmedSession(this.notifications.session, this.#now());
    if (!session) return undefined;
    const copy = this.#copies.get(key);
    return copy?.session === session ? copy.image : undefined;
  }

  /** Reads from the reader; where there is a copy, an unresponsive one is not waited for. */
  #read(key: string, options: ReadOptions): Promise<Image> {
    const image = options.fresh
      ? this.#freshReads.run(() => this.#readAlone(key, options))
      : this.#readShared(key, options);
    if (options.fresh) this.outcomes.bypass++;
    if (this.notifications.session || !this.#copies.has(key)) return image;
    return waitBriefly(image);
  }

  /** Shares a read in flight that began recently. */
  #readShared(key: string, options: ReadOptions): Promise<Image> {
    const running = this.#reads.get(key);
    if (running && this.#now() - running.sentAt <= MAX_UNCONFIRMED_AGE_MS) {
      this.outcomes.shared++;
      return running.image;
    }
    this.outcomes.miss++;
    return this.#readAlone(key, options);
  }

  /**
   * Reads an image that the viewer may not see: it costs as much as one that does not exist, or the time of a 404
   * would distinguish the two. The copy stays as it is, for viewers that may see it.
   */
  async #readHidden(key: string, options: ReadOptions): Promise<Image> {
    this.outcomes.miss++;
    return (await this.reader.image(key, UNRESTRICTED_VIEWER, options)).value;
  }

  #readAlone(key: string, options: ReadOptions): Promise<Image> {
    const { session } = this.notifications;
    const sentAt = this.#now();
    const image = this.reader.image(key, UNRESTRICTED_VIEWER, options).then(({ value }) => value);
    const read = { sentAt, image };
    this.#reads.set(key, read);
    // Of several reads of an image only the last is cached, and only if no notification came meanwhile.
    const settle = (update: () => void): void => {
      if (this.#reads.get(key) !== read) return;
      this.#reads.delete(key);
      update();
    };
    image.then(
      (value) =>
        settle(() => this.#copies.set(key, { image: value, sentAt, session, bytes: bytesOf(value) })),
      (error) => settle(() => error instanceof ImageNotFound && this.#copies.delete(key)),
    );
    return image;
  }

  /** A stale copy. A viewer that may not see the image does not learn that it exists. */
  #stale(key: string, viewer: Viewer, error: CatalogueUnavailable): Reading<Image> {
    const copy = this.#copies.get(key);
    if (!copy || !canSee(copy.image, viewer)) throw error;
    const age = ageOf(copy, this.#now());
    if (age >= this.#staleLimit) throw error;
    this.outcomes.stale++;
    return { source: 'copy', value: copy.image, age };
  }
}
