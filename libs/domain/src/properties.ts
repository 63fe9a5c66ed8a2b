/**
 * The attributes that Glance's image schema calls base. They describe the image itself, so they are never
 * custom properties, whatever a document says. Source: Glance's `get_base_properties`, with what its
 * image documents carry besides (`self`, `schema`, `file`, `stores`, `locations`, `direct_url`).
 */
export const BASE_ATTRIBUTES: ReadonlySet<string> = new Set([
  'checksum',
  'container_format',
  'created_at',
  'deleted',
  'deleted_at',
  'direct_url',
  'disk_format',
  'file',
  'id',
  'locations',
  'min_disk',
  'min_ram',
  'name',
  'os_hash_algo',
  'os_hash_value',
  'os_hidden',
  'owner',
  'protected',
  'schema',
  'self',
  'size',
  'status',
  'stores',
  'tags',
  'updated_at',
  'virtual_size',
  'visibility',
]);

/** The most custom properties that an image may have after a change, as in Nova and Glance. */
export const PROPERTY_QUOTA = 128;
