import type { ImageStatus, Visibility } from './image.js';

/** Which images a list is to hold, of those that are listed for whoever asks. Everything given must hold. */
export interface ImageCriteria {
  /** The most images of a page. */
  readonly limit: number;
  /** The id of the image that the page begins after; it may have been deleted since. */
  readonly marker?: string;
  /** Exact names, of which an image has one. */
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
