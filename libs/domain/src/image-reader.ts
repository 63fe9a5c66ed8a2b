import type { Viewer } from './access.js';
import type { ImageCriteria } from './criteria.js';
import type { Image } from './image.js';

/** A value that was read, and how far it can be trusted. */
export type Reading<T> =
  | { readonly source: 'fresh'; readonly value: T }
  | {
      readonly source: 'copy';
      readonly value: T;
      /** Seconds since the copy was last known to be current. */
      readonly age: number;
    };

/** How an image is to be read. */
export interface ReadOptions {
  /**
   * Bypasses the cache and reads in flight: the client sent `no-cache`. How many such reads run at a time is
   * bounded.
   */
  readonly fresh?: boolean;
  /** The caller's project: how many reads of one project run at a time is bounded. */
  readonly project?: string | null;
}

/** Reads single images, under the visibility rule. */
export interface ImageReader {
  /**
   * @param id a UUID, in either case
   * @throws {ImageNotFound} no such image, or not for this viewer: the two are indistinguishable
   * @throws {CatalogueUnavailable} and there is no copy
   */
  image(id: string, viewer: Viewer, options?: ReadOptions): Promise<Reading<Image>>;
}

/**
 * Reads single images that are about to be changed, in their current state: a copy would refuse what another
 * replica has just made possible.
 */
export interface CurrentImageReader {
  /** @throws {ImageNotFound} {CatalogueUnavailable} as {@link ImageReader.image} */
  imageToChange(id: string, viewer: Viewer): Promise<Image>;
}

/** What a list of names shows of each image. */
export type ImageName = Pick<Image, 'id' | 'shownId' | 'name'>;

/** A page of a list. */
export interface ImagePage<T extends ImageName = Image> {
  readonly images: readonly T[];
  /** Whether the page ended before its limit because of its size: more images may follow. */
  readonly truncated: boolean;
}

/** Reads lists of images. */
export interface ImageLister {
  /**
   * Reads a page of the images that are listed for a viewer, newest first.
   *
   * @returns at most as many as the criteria's limit, and at least one of those that are left
   * @throws {MarkerNotFound} there is no such marker for this viewer
   * @throws {CatalogueUnavailable}
   */
  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>>;

  /** Reads the same page as {@link images}, but only the id and name of each image. */
  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>>;
}
