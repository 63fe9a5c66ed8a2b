import type { Viewer } from './access.js';
import type { ImageCriteria } from './criteria.js';
import type { Image } from './image.js';
import type { PropertyChange } from './properties.js';

/** A value that was read, and how far it can be trusted. */
export type Reading<T> =
  | { readonly source: 'fresh'; readonly value: T }
  | {
      readonly source: 'copy';
      readonly value: T;
      /** Seconds since the copy was last known to be current. */
      readonly age: number;
    };

/** Images that are kept in memory. */
export interface Copies {
  /**
   * An image as {@link Catalogue.image} would read it, where that needs nobody asked: a fresh copy that is for
   * this viewer to see.
   */
  kept(id: string, viewer: Viewer): Image | undefined;

  /**
   * Counts bytes that somebody keeps along with an image, for as long as that is kept; negative ones they have
   * let go of.
   */
  charge(image: Image, bytes: number): void;
}

/** What a list that just names images shows of each. */
export type ImageName = Pick<Image, 'id' | 'name'>;

/** A page of a list. */
export interface ImagePage<T extends ImageName = Image> {
  readonly images: readonly T[];
  /** Whether the page ended before its limit because of its size: more images may follow. */
  readonly truncated: boolean;
}

/** How an image is to be read. */
export interface ReadOptions {
  /**
   * Not from what is kept, nor by a question that somebody else asked before: the client said `no-cache`.
   * How many such reads run at a time is bounded.
   */
  readonly fresh?: boolean;
  /** The project of whoever asks: what one may keep busy is bounded. */
  readonly project?: string | null;
}

/** How an image is to be changed. */
export interface ChangeOptions {
  /** The version the image must have; whichever, if left out. */
  readonly version?: bigint;
  /**
   * The token of whoever wants the change: where the images are another service's, it is made there, as theirs.
   * It is never kept, shared or logged.
   */
  readonly token?: string;
}

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
  image(id: string, viewer: Viewer, options?: ReadOptions): Promise<Reading<Image>>;

  /**
   * Reads one image that somebody means to change, as it stands now: whether it is theirs, and in the state
   * they saw, is never judged on a copy, which would refuse what another replica has just made possible.
   *
   * @throws {ImageNotFound} as above
   * @throws {CatalogueUnavailable} it cannot be asked
   */
  imageToChange(id: string, viewer: Viewer): Promise<Image>;

  /**
   * Reads a page of the images that are listed for a viewer, newest first.
   *
   * @returns at most as many as the criteria's limit, and at least one of those that are left
   * @throws {MarkerNotFound} there is no such marker for this viewer
   * @throws {CatalogueUnavailable} it cannot be asked; lists have no copies
   */
  images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>>;

  /**
   * Reads the same page as {@link images}, but only what names each image: its properties are not read.
   *
   * @throws as {@link images}
   */
  imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>>;

  /**
   * Changes the custom properties of an image in one atomic step: whoever writes at the same time loses
   * nothing. A change that changes nothing leaves time and version alone. Whether it is the caller's to
   * change is for the caller to find out first.
   *
   * @returns the properties after the change
   * @throws {ImageNotFound} {QuotaExceeded} {PropertyNotFound} {VersionLost} {CatalogueUnavailable}
   * @throws {NotOwner} {ChangeRefused} {ChangeConflict} where the images are another service's
   */
  changeProperties(
    id: string,
    change: PropertyChange,
    options?: ChangeOptions,
  ): Promise<Readonly<Record<string, string>>>;

  /**
   * Deletes an image: from now on nobody is shown it. Its row stays until it is purged, so that lists can go
   * on after it.
   *
   * @throws {ImageNotFound} {ImageProtected} {VersionLost} {CatalogueUnavailable}
   * @throws {NotOwner} {ChangeConflict} where the images are another service's
   */
  deleteImage(id: string, options?: ChangeOptions): Promise<void>;
}
