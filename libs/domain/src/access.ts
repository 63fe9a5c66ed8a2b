import type { ListScope } from './criteria.js';
import type { Image, ImageStatus } from './image.js';

/** All that the access rules know of a caller. */
export interface Viewer {
  /** The id of its project. */
  readonly project: string | null;
  /** Whether policy makes it an administrator, which sees and may change everything. */
  readonly admin: boolean;
}

/** Sees everything: for reads on the service's own account, whose result is checked for each caller. */
export const UNRESTRICTED_VIEWER: Viewer = { project: null, admin: true };

/**
 * The visibility rule: whether an image is shown to a caller by id. Being hidden or deactivated changes nothing,
 * nor does the status of a membership. An image without an owner is shown to every caller, as Glance does.
 *
 * @example
 * canSee(image, { project: '66c50f42ace742efaaf201e7ba0fe751', admin: false });
 */
export function canSee(image: Image, viewer: Viewer): boolean {
  if (viewer.admin || image.owner === null) return true;
  if (image.visibility === 'public' || image.visibility === 'community') return true;
  if (viewer.project === null) return false;
  if (image.owner === viewer.project) return true;
  return image.visibility === 'shared' && image.members.has(viewer.project);
}

/**
 * Whether a member of an image is shown to a caller that sees the image: all of them to its owner and to administrators,
 * and to a member itself.
 *
 * @param member the id of the member's project
 */
export function canSeeMember(image: Image, member: string, viewer: Viewer): boolean {
  return viewer.project === member || canChange(image, viewer);
}

/**
 * The ownership rule: whether a caller may change an image. An image or a viewer without a project never matches;
 * an administrator always does.
 */
export function canChange(image: Image, viewer: Viewer): boolean {
  return viewer.admin || (image.owner !== null && image.owner === viewer.project);
}

/** The status of images that are in no list, as in Glance: their upload failed, in a release long ago. */
export const UNLISTED_STATUS: ImageStatus = 'killed';

/**
 * Whether an image is in the lists of a caller, which hold less than what is shown by id: never an image of
 * {@link UNLISTED_STATUS}; hidden images only in a list of these; community images only for the project that owns them, unless the visibility is requested; shared
 * ones only with the requested status of the membership, accepted by default; those of other projects only for an
 * administrator. An image without an owner belongs to no project.
 */
export function isListed(
  image: Image,
  viewer: Viewer,
  { visibility, hidden = false, memberStatus = 'accepted' }: ListScope = {},
): boolean {
  if (image.status === UNLISTED_STATUS || image.hidden !== hidden) return false;
  if (visibility !== undefined && visibility !== 'all' && image.visibility !== visibility) return false;
  if (image.visibility === 'public') return true;
  const own = image.owner !== null && image.owner === viewer.project;
  if (image.visibility === 'community') return own || visibility !== undefined;
  if (viewer.admin || own) return true;
  if (image.visibility !== 'shared' || viewer.project === null) return false;
  const status = image.members.get(viewer.project)?.status;
  return status !== undefined && (memberStatus === 'all' || status === memberStatus);
}
