import {
  MEMBER_STATUSES,
  VISIBILITIES,
  type ListScope,
  type MemberStatus,
  type Viewer,
  type Visibility,
} from '@glimpse/domain';
import type { Values } from '../statement.js';

/**
 * A visibility branch of a list: one set of images that are listed for a viewer. Branches do not overlap;
 * together they are `isListed` of the domain, in SQL.
 *
 * - `all`: all of one visibility
 * - `owner`: those of one visibility that a project owns
 * - `member`: those that others share with a project, and whose membership has one status
 */
export type Branch =
  | { readonly kind: 'all'; readonly visibility: Visibility }
  | { readonly kind: 'owner'; readonly visibility: Visibility; readonly project: string }
  | {
      readonly kind: 'member';
      readonly visibility: 'shared';
      readonly project: string;
      readonly status: MemberStatus;
    };

/** The branches of a list; a project is given as its place among the values of the statement. */
export function branchesOf(
  { visibility, memberStatus = 'accepted' }: ListScope,
  viewer: Viewer,
  values: Values,
): Branch[] {
  const wanted = visibility === undefined || visibility === 'all' ? VISIBILITIES : [visibility];
  const listsAll = (one: Visibility): boolean =>
    one === 'public' || (one === 'community' ? visibility !== undefined : viewer.admin);
  const branches: Branch[] = wanted.filter(listsAll).map((one) => ({ kind: 'all', visibility: one }));
  const others = wanted.filter((one) => !listsAll(one));
  if (viewer.project === null || others.length === 0) return branches;
  const project = values.add(viewer.project);
  branches.push(...others.map((one) => ({ kind: 'owner', visibility: one, project }) as const));
  if (others.includes('shared')) {
    const statuses = memberStatus === 'all' ? MEMBER_STATUSES : [memberStatus];
    branches.push(
      ...statuses.map((status) => ({ kind: 'member', visibility: 'shared', project, status }) as const),
    );
  }
  return branches;
}

/** `canSee` of the domain, in SQL. A deleted image keeps its place for every viewer that could see it. */
export function visible(viewer: Viewer, values: Values): string {
  if (viewer.admin) return 'true';
  const open = `image.owner IS NULL OR image.visibility IN ('public', 'community')`;
  if (viewer.project === null) return open;
  const project = values.add(viewer.project);
  return `${open} OR image.owner = ${project} OR image.visibility = 'shared' AND EXISTS (
    SELECT FROM members member WHERE member.image_id = image.id AND member.member = ${project})`;
}
