import type { Viewer } from './access.js';
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

/**
 * The images of a cloud, as every face knows them. The store implements it; caches and mirrors stand in
 * front of it and implement it too.
 */
export interface Catalogue {
  /**
   * Reads one image by id, under the visibility rule.
   *
   * @param id a UUID, in either case
   * @throws {ImageNotFound} no such image, or not for this viewer: the two cannot be told apart
   * @throws {CatalogueUnavailable} it cannot be asked, and there is no copy
   */
  image(id: string, viewer: Viewer): Promise<Reading<Image>>;
}
