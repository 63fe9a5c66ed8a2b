import type { Image } from './image.js';

/** The most members that the audience of an image names; with more it is everyone. */
const MAX_NAMED_MEMBERS = 20;

/** The projects whose lists may have an image. Administrators list every image, and are not named. */
export type ListAudience = 'everyone' | readonly string[];

/** What decides to whom an image is shown. */
interface SharedImage extends Pick<Image, 'visibility' | 'owner'> {
  /** The ids of the projects that it is shared with. */
  readonly members: Pick<ReadonlyMap<string, unknown>, 'size' | 'keys'>;
}

/**
 * The audience of an image. An image without an owner is seen by everyone, and so may be anyone's marker.
 *
 * @example
 * listAudienceOf(image); // ['66c50f42ace742efaaf201e7ba0fe751']
 */
export function listAudienceOf({ visibility, owner, members }: SharedImage): ListAudience {
  if (owner === null || visibility === 'public' || visibility === 'community') return 'everyone';
  if (visibility !== 'shared') return [owner];
  return members.size > MAX_NAMED_MEMBERS ? 'everyone' : [owner, ...members.keys()];
}
