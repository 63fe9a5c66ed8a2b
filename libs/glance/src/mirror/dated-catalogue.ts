import {
  SourceUnavailable,
  type Catalogue,
  type ChangeOptions,
  type Copies,
  type Image,
  type ImageCriteria,
  type PropertyChange,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { LastLook } from './last-look.js';

/** Seconds for which what the source last showed counts as what it has. */
const FRESH = 60;

/**
 * The catalogue of a service whose images are another's, as old as the last look at what had changed there. What
 * is read is fresh for a minute after it, then a copy of that age, in the end nothing. Until all images are here
 * once, there are no lists, and each image is asked for there.
 */
export class DatedCatalogue implements Catalogue, Copies {
  constructor(
    private readonly catalogue: Catalogue,
    private readonly copies: Copies | undefined,
    private readonly lastLook: LastLook,
    /** Seconds since the last look after which nothing is read any more. */
    private readonly staleLimit: number,
  ) {}

  async image(id: string, viewer: Viewer, options: ReadOptions = {}): Promise<Reading<Image>> {
    const { complete, age } = await this.lastLook.read();
    if (!complete) return this.catalogue.image(id, viewer, { ...options, fresh: true });
    if (options.fresh) {
      try {
        return await this.catalogue.image(id, viewer, options);
      } catch (error) {
        if (!(error instanceof SourceUnavailable)) throw error;
      }
    }
    return this.#dated(await this.catalogue.image(id, viewer, { ...options, fresh: false }), age);
  }

  imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return this.catalogue.imageToChange(id, viewer);
  }

  async images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<readonly Image[]>> {
    const { complete, age } = await this.lastLook.read();
    if (!complete) throw new SourceUnavailable('its images are still being read for the first time');
    return this.#dated(await this.catalogue.images(criteria, viewer), age);
  }

  changeProperties(
    id: string,
    change: PropertyChange,
    options?: ChangeOptions,
  ): Promise<Readonly<Record<string, string>>> {
    return this.catalogue.changeProperties(id, change, options);
  }

  deleteImage(id: string, options?: ChangeOptions): Promise<void> {
    return this.catalogue.deleteImage(id, options);
  }

  kept(id: string, viewer: Viewer): Image | undefined {
    const look = this.lastLook.known;
    return look?.complete && look.age < FRESH ? this.copies?.kept(id, viewer) : undefined;
  }

  charge(image: Image, bytes: number): void {
    this.copies?.charge(image, bytes);
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
