import { VISIBILITIES, type ImageCriteria, type Viewer, type Visibility } from '@glimpse/domain';
import type { Values } from './statement.js';

/**
 * A way in which images come to be listed for a viewer. None finds what another finds; together they are SQL's
 * words for `isListed` of the domain.
 *
 * - `everybody`: all of one visibility
 * - `owner`: those of one visibility that a project owns
 * - `member`: those that others share with a project, and that it accepted
 */
export type Way =
  | { readonly kind: 'everybody'; readonly visibility: Visibility }
  | { readonly kind: 'owner'; readonly visibility: Visibility; readonly project: string }
  | { readonly kind: 'member'; readonly visibility: 'shared'; readonly project: string };

/** The ways of a list; a project stands there as its place among the values. */
export function waysOf({ visibility }: ImageCriteria, viewer: Viewer, values: Values): Way[] {
  const wanted = visibility ? [visibility] : VISIBILITIES;
  const forEverybody = (one: Visibility): boolean =>
    one === 'public' || (one === 'community' ? visibility === one : viewer.admin);
  const ways: Way[] = wanted.filter(forEverybody).map((one) => ({ kind: 'everybody', visibility: one }));
  const others = wanted.filter((one) => !forEverybody(one));
  if (viewer.project === null || others.length === 0) return ways;
  const project = values.add(viewer.project);
  ways.push(...others.map((one) => ({ kind: 'owner', visibility: one, project }) as const));
  if (others.includes('shared')) ways.push({ kind: 'member', visibility: 'shared', project });
  return ways;
}

/** SQL's words for `canSee` of the domain. A deleted image keeps its place, for whoever could see it. */
export function visible(viewer: Viewer, values: Values): string {
  if (viewer.admin) return 'true';
  const open = `image.owner IS NULL OR image.visibility IN ('public', 'community')`;
  if (viewer.project === null) return open;
  const project = values.add(viewer.project);
  return `${open} OR image.owner = ${project} OR image.visibility = 'shared' AND EXISTS (
    SELECT FROM members member WHERE member.image_id = image.id AND member.member = ${project})`;
}
