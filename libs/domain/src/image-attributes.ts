import { LOCATION_ATTRIBUTES } from './image.js';
import type { SourceImage } from './source.js';

/** The attributes that a source has of an image. */
export type ImageAttribute = Exclude<keyof SourceImage, 'deleted'>;

/**
 * The attributes of an image, with their names in Glance's image documents, and whether a source and its mirror are
 * compared by them. Documents, columns and comparison derive from this table: an attribute that is added here does
 * not compile until a document reader and a column are added for it.
 */
export const IMAGE_ATTRIBUTES = {
  id: { document: 'id', compared: false },
  shownId: { document: 'id', compared: true },
  name: { document: 'name', compared: true },
  status: { document: 'status', compared: true },
  visibility: { document: 'visibility', compared: true },
  hidden: { document: 'os_hidden', compared: true },
  owner: { document: 'owner', compared: true },
  protected: { document: 'protected', compared: true },
  size: { document: 'size', compared: true },
  minDisk: { document: 'min_disk', compared: true },
  minRam: { document: 'min_ram', compared: true },
  diskFormat: { document: 'disk_format', compared: true },
  containerFormat: { document: 'container_format', compared: true },
  checksum: { document: 'checksum', compared: true },
  hashAlgorithm: { document: 'os_hash_algo', compared: true },
  hashValue: { document: 'os_hash_value', compared: true },
  virtualSize: { document: 'virtual_size', compared: true },
  tags: { document: 'tags', compared: true },
  /** Several members of a document: `LOCATION_ATTRIBUTES`. */
  locations: { document: undefined, compared: true },
  /** Each stands in a document under its own name. */
  properties: { document: undefined, compared: true },
  createdAt: { document: 'created_at', compared: true },
  updatedAt: { document: 'updated_at', compared: true },
} as const satisfies Readonly<
  Record<ImageAttribute, { readonly document: string | undefined; readonly compared: boolean }>
>;

/** Their names, in the order of the table. */
export const IMAGE_ATTRIBUTE_NAMES = Object.keys(IMAGE_ATTRIBUTES) as readonly ImageAttribute[];

/** The attributes by which a source and its mirror are compared. */
export const COMPARED_ATTRIBUTES = IMAGE_ATTRIBUTE_NAMES.filter((name) => IMAGE_ATTRIBUTES[name].compared);

/**
 * The names of image documents that are never custom properties: the attributes above, where the data is, and
 * those that the catalogue does not hold. Source: Glance's `get_base_properties`, with what its image documents
 * carry besides (`self`, `schema`, `file`, `stores`, `locations`, `direct_url`).
 */
export const BASE_ATTRIBUTES: ReadonlySet<string> = new Set([
  ...Object.values(IMAGE_ATTRIBUTES).flatMap(({ document }) => document ?? []),
  ...LOCATION_ATTRIBUTES,
  'deleted',
  'deleted_at',
  'file',
  'schema',
  'self',
]);

/** The names of properties that an image service keeps for itself, such as the progress of an import, begin with it. */
export const RESERVED_PREFIX = 'os_glance';

/** The number of properties that count for the quota: all but the service's own. */
export function countedProperties(properties: Readonly<Record<string, unknown>>): number {
  return Object.keys(properties).filter((name) => !name.startsWith(RESERVED_PREFIX)).length;
}
