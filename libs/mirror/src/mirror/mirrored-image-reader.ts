import {
  ImageNotFound,
  UNRESTRICTED_VIEWER,
  canSee,
  isUuid,
  type CurrentImageReader,
  type Image,
  type ImageReader,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { OnDemandFetch, type OnDemandFetchOptions } from './on-demand-fetch.js';

export interface MirroredImageReaderOptions extends Omit<OnDemandFetchOptions, 'concurrency' | 'has'> {
  /** Reads what the mirror holds. */
  readonly reader: ImageReader;
  /** How many images are fetched from the source at a time. */
  readonly concurrentFetches: number;
}

/**
 * Reads single images of a mirror; what it does not hold is fetched from the source first. What is returned comes
 * from the mirror in every case, under the visibility rule like any other image.
 */
export class MirroredImageReader implements ImageReader, CurrentImageReader {
  readonly #fetch: OnDemandFetch;

  constructor(private readonly options: MirroredImageReaderOptions) {
    this.#fetch = new OnDemandFetch({
      ...options,
      concurrency: options.concurrentFetches,
      has: async (id) => (await this.#known(id)) !== undefined,
    });
  }

  async image(
    id: string,
    viewer: Viewer,
    { fresh = false, project = viewer.project }: ReadOptions = {},
  ): Promise<Reading<Image>> {
    if (!isUuid(id)) throw new ImageNotFound(id);
    let image = fresh ? undefined : await this.#known(id);
    if (!image) {
      await this.#fetch.run(id.toLowerCase(), project, fresh);
      image = await this.#read(id);
    }
    if (!canSee(image, viewer)) throw new ImageNotFound(image.id);
    return { source: 'fresh', value: image };
  }

  async imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return (await this.image(id, viewer)).value;
  }

  /**
   * Does the work of a read that found nothing for an image that the caller may not see.
   *
   * @throws {ImageNotFound} or {CatalogueUnavailable}, as a read of an image that does not exist
   */
  async onHidden(id: string, project: string | null): Promise<void> {
    if (isUuid(id)) await this.#fetch.runForHidden(id.toLowerCase(), project);
  }

  async #read(id: string): Promise<Image> {
    return (await this.options.reader.image(id, UNRESTRICTED_VIEWER)).value;
  }

  async #known(id: string): Promise<Image | undefined> {
    try {
      return await this.#read(id);
    } catch (error) {
      if (error instanceof ImageNotFound) return undefined;
      throw error;
    }
  }
}
