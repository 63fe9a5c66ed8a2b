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

/** A project with which an image is shared. */
export interface Member {
  readonly status: MemberStatus;
  /** When the image was shared with it; null while that is not known. */
  readonly createdAt: Date | null;
  /** When its status was set last; null while that is not known. */
  readonly updatedAt: Date | null;
}

/** The members of Glance's image documents that say where the data is; which of them it shows is its setting. */
export const LOCATION_ATTRIBUTES = ['direct_url', 'locations', 'stores'] as const;

/** Where the data of an image is, in JSON as Glance shows it; the catalogue does not interpret it. */
export type ImageLocations = Readonly<Partial<Record<(typeof LOCATION_ATTRIBUTES)[number], unknown>>>;

/**
 * An image of the catalogue: a plain value that is replaced, never changed. The vocabulary is that of
 * Glance's Image API v2; it knows no API's wire format.
 */
export interface Image {
  /** A lower-case UUID. */
  readonly id: string;
  /** The id as its source writes it, which may have capitals: what documents show. */
  readonly shownId: string;
  /** Orders the changes of this image; versions of two images are not comparable. */
  readonly version: bigint;
  /**
   * Whether every attribute, members' times included, is as its source had it at the last response. In a mirror the
   * attributes that release 0.1 did not have are out of date where that release wrote the image last.
   */
  readonly attributesCurrent: boolean;
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
  /** Such as `qcow2`. */
  readonly diskFormat: string | null;
  /** Such as `bare`. */
  readonly containerFormat: string | null;
  /** The MD5 of the data, in hexadecimal. */
  readonly checksum: string | null;
  /** Such as `sha512`. Glance's `os_hash_algo`: a column of its own, which may be filled without the value. */
  readonly hashAlgorithm: string | null;
  /** The hash of the data, in hexadecimal. Glance's `os_hash_value`. */
  readonly hashValue: string | null;
  /** The bytes of the disk that the data describes; null while unknown. */
  readonly virtualSize: number | null;
  /** Without duplicates, in the order of code points. */
  readonly tags: readonly string[];
  /** null where the source shows none. */
  readonly locations: ImageLocations | null;
  /**
   * Custom properties. The base attributes of Glance's image schema are never among them. A name may be empty, and
   * a value null, as `kernel_id` and `ramdisk_id` can be in Glance.
   */
  readonly properties: Readonly<Record<string, string | null>>;
  readonly createdAt: Date;
  readonly updatedAt: Date | null;
  /** The projects it is shared with, by id. They matter only while the visibility is `shared`. */
  readonly members: ReadonlyMap<string, Member>;
}
