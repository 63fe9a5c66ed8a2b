import type { Image } from '@glimpse/domain';

/** The constant part of an image, and of its cache entry. */
const IMAGE_BYTES = 3_000;
/** A property or a member without its text. */
const ITEM_BYTES = 60;

/** Glance's `direct_url`, `locations` and `stores`, for each byte of their JSON. */
const LOCATION_FACTOR = 4;

/** The memory that an image needs: as measured in Node 20, rounded up. */
export function bytesOf({ name, owner, tags, locations, properties, members }: Image): number {
  let bytes = IMAGE_BYTES + textBytes(name) + textBytes(owner);
  for (const tag of tags) bytes += ITEM_BYTES + textBytes(tag);
  if (locations) bytes += LOCATION_FACTOR * textBytes(JSON.stringify(locations));
  for (const key in properties) bytes += ITEM_BYTES + textBytes(key) + textBytes(properties[key]!);
  for (const member of members.keys()) bytes += ITEM_BYTES + textBytes(member);
  return bytes;
}

/** A character needs one byte, or two if any of the text is beyond Latin-1. */
function textBytes(text: string | null): number {
  return text === null ? 0 : 2 * text.length;
}
