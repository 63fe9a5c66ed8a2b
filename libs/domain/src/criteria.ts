import type { ImageStatus, Visibility } from './image.js';

/** Which images a list holds, of those that are listed for the viewer. All criteria must match. */
export interface ImageCriteria {
  /** The maximum number of images of a page. */
  readonly limit: number;
  /** The id of the image after which the page begins; it may have been deleted since. */
  readonly marker?: string;
  /** Exact names, one of which matches. */
  readonly names?: readonly string[];
  /** A part of the name, in any case; at least three characters. */
  readonly search?: string;
  readonly statuses?: readonly ImageStatus[];
  readonly visibility?: Visibility;
  /** GiB, exactly. */
  readonly minDisk?: number;
  /** MiB, exactly. */
  readonly minRam?: number;
  /** Custom properties with these values. */
  readonly properties?: Readonly<Record<string, string>>;
  /** Changed then or later. */
  readonly changedSince?: Date;
}
