import {
  ImageNotFound,
  UNRESTRICTED_VIEWER,
  canSee,
  type CurrentImageReader,
  type Image,
  type ImageReader,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { LookUps, type LookUpsOptions } from './look-ups.js';

export interface MirroredImageReaderOptions extends Omit<LookUpsOptions, 'slots' | 'has'> {
  /** Reads what the mirror holds. */
  readonly reader: ImageReader;
  /** How many images are fetched from the source at once. */
  readonly lookUps: number;
}

/**
 * Reads single images of a mirror; what it does not hold is fetched from the source first. What is returned comes
 * from the mirror in every case, under the visibility rule like any other image.
 */
export class MirroredImageReader implements ImageReader, CurrentImageReader {
  readonly #lookUps: LookUps;

  constructor(private readonly options: MirroredImageReaderOptions) {
    this.#lookUps = new LookUps({
      ...options,
      slots: options.lookUps,
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
      await this.#lookUps.run(id.toLowerCase(), project, fresh);
      image = await this.#read(id);
    }
    if (!canSee(image, viewer)) throw new ImageNotFound(image.id);
    return { source: 'fresh', value: image };
  }

  async imageToChange(id: string, viewer: Viewer): Promise<Image> {
    return (await this.image(id, viewer)).value;
  }

  /**
   * Does the work of a read that found nothing for one that found what the caller may not see.
   *
   * @throws {ImageNotFound} or {CatalogueUnavailable}, as a read of an image that does not exist
   */
  async notShown(id: string, project: string | null): Promise<void> {
    if (isUuid(id)) await this.#lookUps.runForHidden(id.toLowerCase(), project);
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

function isUuid(id: string): boolean {
  return /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/i.test(id);
}
