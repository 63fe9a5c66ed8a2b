import { setTimeout as sleep } from 'node:timers/promises';
import {
  ImageNotFound,
  SourceUnavailable,
  type Catalogue,
  type CurrentImageReader,
  type Image,
  type ImageCache,
  type ImageCriteria,
  type ImageLister,
  type ImageName,
  type ImagePage,
  type ImageReader,
  type PageCache,
  type PageDocument,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { DueImageReader } from '../changes/due-image-reader.js';
import type { SyncStatusReader } from './sync-status-reader.js';

/** For how long after an incremental sync reads are fresh. */
const FRESH_FOR_S = 60;
/** A 404 is delayed to a multiple of this: the source needs a little longer for an image that exists. */
const NOT_FOUND_STEP_MS = 25;

/**
 * Adds the age of the last incremental sync to what is read from a mirror: fresh for a minute, then stale with that
 * age, and unavailable beyond the limit. Before the first full sync has ended there are no lists, and each image is
 * fetched from the source; so is one whose change there it may not show yet.
 */
export class StalenessCatalogue
  implements ImageReader, CurrentImageReader, ImageLister, ImageCache, PageCache
{
  constructor(
    private readonly catalogue: Omit<Catalogue, 'writer'>,
    private readonly syncStatus: SyncStatusReader,
    /** Seconds since the last incremental sync after which nothing is read. */
    private readonly staleLimit: number,
    /** Does the work of a read that found nothing for an image that the caller may not see. */
    private readonly onHidden: (id: string, project: string | null) => Promise<void> = () =>
      Promise.resolve(),
    /** Reads the images whose changes the mirror may not show yet. */
    private readonly due?: DueImageReader,
  ) {}

  image(id: string, viewer: Viewer, options: ReadOptions = {}): Promise<Reading<Image>> {
    return withEvenNotFound(() => this.#image(id, viewer, options));
  }

  async #image(id: string, viewer: Viewer, options: ReadOptions): Promise<Reading<Image>> {
    const { complete, age } = await this.syncStatus.read();
    if (this.due?.has(id)) return this.due.image(id, viewer, options);
    if (!complete) return this.catalogue.reader.image(id, viewer, { ...options, fresh: true });
    if (options.fresh) {
      try {
        return await this.catalogue.reader.image(id, viewer, options);
      } catch (error) {
        if (!(error instanceof SourceUnavailable)) throw error;
      }
    }
    const reading = this.catalogue.reader.image(id, viewer, { ...options, fresh: false });
    return this.#withAge(await this.#notFoundLikeAbsent(id, options.project ?? viewer.project, reading), age);
  }

  imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return withEvenNotFound(async () => {
      if (this.due?.has(id)) return (await this.due.image(id, viewer)).value;
      return this.#notFoundLikeAbsent(id, viewer.project, this.catalogue.current.imageToChange(id, viewer));
    });
  }

  /** Makes a hidden image cost as much as one that does not exist. */
  async #notFoundLikeAbsent<T>(id: string, project: string | null, reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof ImageNotFound) await this.onHidden(id, project);
      throw error;
    }
  }

  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    return this.#list(viewer, () => this.catalogue.lister.images(criteria, viewer));
  }

  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    return this.#list(viewer, () => this.catalogue.lister.imageNames(criteria, viewer));
  }

  async #list<T>(viewer: Viewer, read: () => Promise<Reading<T>>): Promise<Reading<T>> {
    const { complete, age } = await this.syncStatus.read();
    if (!complete) throw new SourceUnavailable('its images are still being read for the first time');
    await this.due?.beforeList(viewer);
    return this.#withAge(await read(), age);
  }

  cached(id: string, viewer: Viewer): Image | undefined {
    const status = this.syncStatus.known;
    if (this.due?.has(id)) return undefined;
    return status?.complete && status.age < FRESH_FOR_S
      ? this.catalogue.cache?.cached(id, viewer)
      : undefined;
  }

  cachedPage(key: string, viewer: Viewer): ReturnType<PageCache['cachedPage']> {
    const status = this.syncStatus.known;
    if (this.due?.hasListed(viewer)) return undefined;
    return status?.complete && status.age < FRESH_FOR_S
      ? this.catalogue.pages?.cachedPage(key, viewer)
      : undefined;
  }

  page(...[key, viewer, compose, options]: Parameters<PageCache['page']>): Promise<Reading<PageDocument>> {
    // What is fetched before such a list changes the mirror, and the notification of that may come later.
    const how = this.due?.hasListed(viewer) ? { fresh: true } : options;
    return this.#list(viewer, () => this.catalogue.pages!.page(key, viewer, compose, how));
  }

  accountBytes(image: Image, bytes: number): void {
    this.catalogue.cache?.accountBytes(image, bytes);
  }

  #withAge<T>(reading: Reading<T>, age: number): Reading<T> {
    if (age < FRESH_FOR_S) return reading;
    if (age >= this.staleLimit) throw new SourceUnavailable('its last incremental sync is too long ago');
    return {
      source: 'copy',
      value: reading.value,
      age: reading.source === 'copy' ? Math.max(age, reading.age) : age,
    };
  }
}

/** Delays the error for an image that is not found to the next step of time. */
async function withEvenNotFound<T>(read: () => Promise<T>): Promise<T> {
  const began = performance.now();
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ImageNotFound)) throw error;
    const elapsed = performance.now() - began;
    await sleep(NOT_FOUND_STEP_MS - (elapsed % NOT_FOUND_STEP_MS));
    throw error;
  }
}
