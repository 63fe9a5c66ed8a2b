import {
  ImageNotFound,
  canSee,
  type CurrentImageReader,
  type Image,
  type ImageReader,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import { orUnavailable, type Availability } from '../connection/unavailable.js';
import { storedIdOf } from './image-id.js';
import { imageOf } from './image-columns.js';
import { ImagesById } from './images-by-id.js';

/** Reads single images from PostgreSQL. */
export class StoredImageReader implements ImageReader, CurrentImageReader {
  readonly #byId: ImagesById;

  constructor(
    database: Database,
    private readonly availability: Availability = {},
    /** Whether the images are those of a source: then each says whether its attributes are current. */
    isMirror = false,
  ) {
    this.#byId = new ImagesById(database, isMirror);
  }

  async image(id: string, viewer: Viewer): Promise<Reading<Image>> {
    return { source: 'fresh', value: await this.imageToChange(id, viewer) };
  }

  async imageToChange(id: string, viewer: Viewer): Promise<Image> {
    const key = storedIdOf(id);
    const row = await orUnavailable(() => this.#byId.read(key), this.availability);
    const image = row && imageOf(row);
    if (!image || !canSee(image, viewer)) throw new ImageNotFound(id);
    return image;
  }
}
