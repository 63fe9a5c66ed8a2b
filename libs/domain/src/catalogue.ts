import type { Viewer } from './access.js';
import type { Image } from './image.js';
import type { ImageEditor } from './image-editor.js';
import type { CurrentImageReader, ImageLister, ImageReader } from './image-reader.js';
import type { ImageWriter } from './image-writer.js';
import type { PageCache } from './page-cache.js';

/** Images that are cached in memory. */
export interface ImageCache {
  /** An image as {@link ImageReader.image} would read it, but only from the cache; undefined on a miss. */
  cached(id: string, viewer: Viewer): Image | undefined;

  /** Accounts bytes that are cached along with an image, for as long as that is cached; negative: dropped again. */
  accountBytes(image: Image, bytes: number): void;
}

/**
 * The images of a cloud, as every API knows them. Each part is implemented by the store, and by those caches and
 * mirrors in front of it that change what the part does.
 */
export interface Catalogue {
  readonly reader: ImageReader;
  /** Reads past all caches. */
  readonly current: CurrentImageReader;
  readonly lister: ImageLister;
  readonly writer: ImageWriter;
  /** Undefined in a mirror. */
  readonly editor?: ImageEditor | undefined;
  readonly cache?: ImageCache | undefined;
  readonly pages?: PageCache | undefined;
}
