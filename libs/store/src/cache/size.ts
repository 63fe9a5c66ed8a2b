import type { Image } from '@glimpse/domain';

/** The constant part of an image, and of its cache entry. */
const IMAGE_BYTES = 3_000;
/** A property or a member without its text. */
const ITEM_BYTES = 60;

/** The memory that an image needs: as measured in Node 20, rounded up. */
export function bytesOf({ name, owner, properties, members }: Image): number {
  let bytes = IMAGE_BYTES + textBytes(name) + textBytes(owner);
  for (const key in properties) bytes += ITEM_BYTES + textBytes(key) + textBytes(properties[key]!);
  for (const member of members.keys()) bytes += ITEM_BYTES + textBytes(member);
  return bytes;
}

/** A character needs one byte, or two if any of the text is beyond Latin-1. */
function textBytes(text: string | null): number {
  return text === null ? 0 : 2 * text.length;
}
