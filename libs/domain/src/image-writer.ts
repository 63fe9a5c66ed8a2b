import { PropertyNotFound, QuotaExceeded } from './errors.js';
import type { Image } from './image.js';
import type { ListAudience } from './list-audience.js';
import { PROPERTY_QUOTA } from './quotas.js';

/** A change of an image's custom properties. */
export type PropertyChange =
  /** Sets these, leaves the others. */
  | { readonly kind: 'merge'; readonly properties: Readonly<Record<string, string>> }
  /** Sets these, removes the others except those of `keep`, which stay as they are. */
  | {
      readonly kind: 'replace';
      readonly properties: Readonly<Record<string, string>>;
      readonly keep?: readonly string[];
    }
  | { readonly kind: 'remove'; readonly key: string };

/**
 * Checks a change against the image that it was made for.
 *
 * @param before the properties before the change
 * @param count the number of properties after it
 * @throws {PropertyNotFound} {QuotaExceeded}
 */
export function requireApplicable(change: PropertyChange, before: Image['properties'], count: number): void {
  if (change.kind === 'remove') {
    if (!Object.hasOwn(before, change.key)) throw new PropertyNotFound(change.key);
  } else if (count > PROPERTY_QUOTA) {
    throw new QuotaExceeded(PROPERTY_QUOTA);
  }
}

/** What is changed of an image in one atomic step. */
export interface ImageChange {
  readonly properties: PropertyChange;
}

/** How an image is to be changed or deleted. */
export interface ChangeOptions {
  /** The version that the image must have; any, if left out. */
  readonly version?: bigint;
  /**
   * The caller's token: where the images belong to another service, the change is made there with it. It is
   * never stored, shared or logged.
   */
  readonly token?: string;
}

/**
 * Changes images. Whether the caller may change an image is checked before. An implementation reports the images that
 * it changed before its promise resolves, so that caches drop them.
 */
export interface ImageWriter {
  /**
   * Changes an image atomically: of concurrent changes none is lost. A change that changes nothing leaves time and
   * version alone.
   *
   * @returns the properties after the change
   * @throws {ImageNotFound} {QuotaExceeded} {PropertyNotFound} {VersionLost} {CatalogueUnavailable}
   * @throws {NotOwner} {ChangeRefused} {ChangeConflict} where the images belong to another service
   */
  change(id: string, change: ImageChange, options?: ChangeOptions): Promise<Image['properties']>;

  /**
   * Deletes an image softly: it is shown to no caller any more, and its row stays until it is purged, so that
   * lists can go on after it.
   *
   * @throws {ImageNotFound} {ImageProtected} {VersionLost} {CatalogueUnavailable}
   * @throws {NotOwner} {ChangeConflict} where the images belong to another service
   */
  delete(id: string, options?: ChangeOptions): Promise<void>;
}

/**
 * Receives the ids of images that were changed.
 *
 * @param audience whose lists may have them, before or after; left out: everyone's
 */
export type OnImagesChanged = (ids: readonly string[], audience?: ListAudience) => void;
