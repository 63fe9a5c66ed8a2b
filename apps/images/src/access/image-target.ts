import type { Target } from '@glimpse/auth';
import type { Image } from '@glimpse/domain';

/**
 * What rules see of an image, by the names of Glance's `ImageTarget`: its attributes; `id` beside `image_id`,
 * `project_id` beside `owner`, `member_id` beside `member`; and each custom property under its own name, as
 * well as all of them in `extra_properties`. An attribute wins over a property of its name. Attributes that
 * the catalogue does not keep (checksum, formats, tags) and the times are not there, so a check of one is false.
 *
 * @param project the project that asks. Glance calls it the `member` of a shared image that it does not own;
 *   whether it really is one is for the visibility rule to say, which stands in front.
 *
 * @example
 * targetOf(image, projectOf(identity))['visibility']; // 'shared'
 */
export function targetOf(image: Image, project: string | null = null): Target {
  const member = image.visibility === 'shared' && image.owner !== project ? project : null;
  return {
    ...image.properties,
    id: image.id,
    image_id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    os_hidden: image.hidden,
    owner: image.owner,
    project_id: image.owner,
    protected: image.protected,
    size: image.size,
    min_disk: image.minDisk,
    min_ram: image.minRam,
    member,
    member_id: member,
    extra_properties: image.properties,
  };
}
