/** The states an image can be in, in Glance's words. */
export const IMAGE_STATUSES = [
  'queued',
  'saving',
  'uploading',
  'importing',
  'active',
  'deactivated',
  'killed',
  'pending_delete',
  'deleted',
] as const;
export type ImageStatus = (typeof IMAGE_STATUSES)[number];

/** To whom an image is visible, in Glance's words. */
export const VISIBILITIES = ['public', 'community', 'shared', 'private'] as const;
export type Visibility = (typeof VISIBILITIES)[number];

/** How a project responded to an image that was shared with it. */
export const MEMBER_STATUSES = ['pending', 'accepted', 'rejected'] as const;
export type MemberStatus = (typeof MEMBER_STATUSES)[number];

/**
 * An image of the catalogue: a plain value that is replaced, never changed. The vocabulary is that of
 * Glance's Image API v2; it knows no API's wire format.
 */
export interface Image {
  /** A lower-case UUID. */
  readonly id: string;
  /** Orders the changes of this image; versions of two images are not comparable. */
  readonly version: bigint;
  readonly name: string | null;
  readonly status: ImageStatus;
  readonly visibility: Visibility;
  /** Omitted from lists, shown by id. Glance's `os_hidden`. */
  readonly hidden: boolean;
  /** The id of the project that owns it. */
  readonly owner: string | null;
  /** Cannot be deleted. */
  readonly protected: boolean;
  /** Bytes; null while unknown. */
  readonly size: number | null;
  /** The disk that a server needs to boot it, in GiB. */
  readonly minDisk: number;
  /** The memory that a server needs to boot it, in MiB. */
  readonly minRam: number;
  /** Custom properties. The base attributes of Glance's image schema are never among them. */
  readonly properties: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  readonly updatedAt: Date | null;
  /** The projects it is shared with, by id. They matter only while the visibility is `shared`. */
  readonly members: ReadonlyMap<string, MemberStatus>;
}
