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
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { LastLook } from './last-look.js';

/** Seconds for which what the source last showed counts as what it has. */
const FRESH = 60;
/**
 * A read that finds nothing is answered at a multiple of so many milliseconds: requests that the source answers with an
 * image take a little longer than those that it does not.
 */
const NOT_FOUND_STEP_MS = 25;

/**
 * The catalogue of a service whose images are another's, as old as the last look at what had changed there. What
 * is read is fresh for a minute after it, then a copy of that age, in the end nothing. Until all images are here
 * once, there are no lists, and each image is asked for there.
 */
export class StalenessCatalogue implements ImageReader, CurrentImageReader, ImageLister, ImageCache {
  constructor(
    private readonly catalogue: Omit<Catalogue, 'writer'>,
    private readonly lastLook: LastLook,
    /** Seconds since the last look after which nothing is read any more. */
    private readonly staleLimit: number,
    /** Does for an image that the caller may not see what is done for one that is nowhere. */
    private readonly notShown: (id: string, project: string | null) => Promise<void> = () =>
      Promise.resolve(),
  ) {}

  image(id: string, viewer: Viewer, options: ReadOptions = {}): Promise<Reading<Image>> {
    return evenly(() => this.#image(id, viewer, options));
  }

  async #image(id: string, viewer: Viewer, options: ReadOptions): Promise<Reading<Image>> {
    const { complete, age } = await this.lastLook.read();
    if (!complete) return this.catalogue.reader.image(id, viewer, { ...options, fresh: true });
    if (options.fresh) {
      try {
        return await this.catalogue.reader.image(id, viewer, options);
      } catch (error) {
        if (!(error instanceof SourceUnavailable)) throw error;
      }
    }
    const reading = this.catalogue.reader.image(id, viewer, { ...options, fresh: false });
    return this.#dated(await this.#alike(id, options.project ?? viewer.project, reading), age);
  }

  imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return evenly(() => this.#alike(id, viewer.project, this.catalogue.current.imageToChange(id, viewer)));
  }

  /** Lets an image that the caller may not see cost what one costs that is nowhere. */
  async #alike<T>(id: string, project: string | null, reading: Promise<T>): Promise<T> {
    try {
      return await reading;
    } catch (error) {
      if (error instanceof ImageNotFound) await this.notShown(id, project);
      throw error;
    }
  }

  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    return this.#list(() => this.catalogue.lister.images(criteria, viewer));
  }

  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    return this.#list(() => this.catalogue.lister.imageNames(criteria, viewer));
  }

  async #list<T>(read: () => Promise<Reading<T>>): Promise<Reading<T>> {
    const { complete, age } = await this.lastLook.read();
    if (!complete) throw new SourceUnavailable('its images are still being read for the first time');
    return this.#dated(await read(), age);
  }

  cached(id: string, viewer: Viewer): Image | undefined {
    const look = this.lastLook.known;
    return look?.complete && look.age < FRESH ? this.catalogue.cache?.cached(id, viewer) : undefined;
  }

  accountBytes(image: Image, bytes: number): void {
    this.catalogue.cache?.accountBytes(image, bytes);
  }

  #dated<T>(reading: Reading<T>, age: number): Reading<T> {
    if (age < FRESH) return reading;
    if (age >= this.staleLimit) throw new SourceUnavailable('nothing was heard of it for too long');
    return {
      source: 'copy',
      value: reading.value,
      age: reading.source === 'copy' ? Math.max(age, reading.age) : age,
    };
  }
}

/** Reads, and waits with the answer that there is nothing until the next step of time. */
async function evenly<T>(read: () => Promise<T>): Promise<T> {
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
