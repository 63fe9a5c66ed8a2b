import type { Target } from '@glimpse/auth';
import type { Image } from '@glimpse/domain';

/**
 * An image as a policy target, with the names of Glance's `ImageTarget`: its attributes; `id` beside `image_id`,
 * `project_id` beside `owner`, `member_id` beside `member`; and each custom property under its own name, as
 * well as all of them in `extra_properties`. An attribute wins over a property of its name. `tags` and `locations`
 * have no value: Glance prints the address of an object there, which no check matches.
 *
 * @param project the caller's project. Glance calls it the `member` of a shared image that it does not own; that
 *   it is a member was checked before, by the visibility rule.
 *
 * @example
 * targetOf(image, projectOf(identity))['visibility']; // 'shared'
 */
export function targetOf(image: Image, project: string | null = null): Target {
  const member = image.visibility === 'shared' && image.owner !== project ? project : null;
  return {
    ...image.properties,
    id: image.shownId,
    image_id: image.shownId,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    os_hidden: image.hidden,
    owner: image.owner,
    project_id: image.owner,
    protected: image.protected,
    size: image.size,
    virtual_size: image.virtualSize,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    checksum: image.checksum,
    os_hash_algo: image.hashAlgorithm,
    os_hash_value: image.hashValue,
    tags: undefined,
    locations: undefined,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    // Printed only where a rule checks them: few do, and every list makes a target for each image.
    get created_at() {
      return pythonTime(image.createdAt);
    },
    get updated_at() {
      return image.updatedAt && pythonTime(image.updatedAt);
    },
    member,
    member_id: member,
    extra_properties: image.properties,
  };
}

/** A time as Python prints one without a zone: microseconds only where it has some. */
function pythonTime(time: Date): string {
  return time
    .toISOString()
    .replace('T', ' ')
    .replace(/(?:\.000)?Z$/, '')
    .replace(/\.\d{3}$/, '$&000');
}
