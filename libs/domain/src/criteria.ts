import type { ImageStatus, MemberStatus, Visibility } from './image.js';

/** A range of numbers, both ends included. */
export interface NumberRange {
  readonly min?: number;
  readonly max?: number;
}

/** A comparison with a time. What is compared of an image has whole seconds, as documents show it. */
export interface TimeComparison {
  readonly operator: 'gt' | 'gte' | 'lt' | 'lte' | 'eq' | 'neq';
  readonly time: Date;
}

/** The attributes by which lists can be sorted. */
export const SORT_ATTRIBUTES = [
  'name',
  'status',
  'containerFormat',
  'diskFormat',
  'size',
  'id',
  'createdAt',
  'updatedAt',
] as const;

/** An attribute by which a list is sorted. Null is lower than every value, and text is compared by code points. */
export interface SortKey {
  readonly attribute: (typeof SORT_ATTRIBUTES)[number];
  readonly direction: 'asc' | 'desc';
}

/** The order of lists unless another one is requested: newest first. */
export const NEWEST_FIRST: readonly SortKey[] = [
  { attribute: 'createdAt', direction: 'desc' },
  { attribute: 'id', direction: 'desc' },
];

/** Which of the images that a viewer may see are listed. */
export interface ListScope {
  /** Only images of one visibility, or of all four; left out: all but the community images of others. */
  readonly visibility?: Visibility | 'all';
  /** Only hidden images; otherwise none of these. */
  readonly hidden?: boolean;
  /** Of the images that others share with the viewer's project, those whose membership has this status. */
  readonly memberStatus?: MemberStatus | 'all';
}

/** Which images a list holds, of those that are listed for the viewer. All criteria must match. */
export interface ImageCriteria extends ListScope {
  /** The maximum number of images of a page. */
  readonly limit: number;
  /** The id of the image after which the page begins; it may have been deleted since. */
  readonly marker?: string;
  /** The order; it ends with the id, so that no two images are tied. Left out: newest first. */
  readonly order?: readonly SortKey[];
  /** UUIDs in lower case, one of which matches. */
  readonly ids?: readonly string[];
  /** Exact names, one of which matches. */
  readonly names?: readonly string[];
  /** A part of the name, in any case. */
  readonly search?: string;
  readonly statuses?: readonly ImageStatus[];
  readonly diskFormats?: readonly string[];
  readonly containerFormats?: readonly string[];
  /** The id of the owner's project, in any case. */
  readonly owner?: string;
  readonly protected?: boolean;
  /** Bytes. */
  readonly size?: NumberRange;
  /** Bytes. */
  readonly virtualSize?: NumberRange;
  /** GiB. */
  readonly minDisk?: NumberRange;
  /** MiB. */
  readonly minRam?: NumberRange;
  readonly checksum?: string;
  readonly hashAlgorithm?: string;
  readonly hashValue?: string;
  /** Tags, all of which an image has. */
  readonly tags?: readonly string[];
  /** Custom properties with these values. */
  readonly properties?: Readonly<Record<string, string>>;
  readonly createdAt?: TimeComparison;
  readonly updatedAt?: TimeComparison;
  /** Changed then or later. */
  readonly changedSince?: Date;
}
