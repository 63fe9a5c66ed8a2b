import {
  DomainError,
  MemberNotFound,
  SourceUnavailable,
  canSeeMember,
  type Identity,
  type Image,
  type Member,
  type ReadOptions,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import type { ImageAccess } from './image-access.js';

/** The image is not shared, and so has no members. */
export class NotShared extends DomainError {
  readonly code = 'not-shared';

  constructor(id: string) {
    super(`Not allowed to list members for image ${id}: Only shared images have members.`);
  }
}

/** An image and those of its members that a caller sees, the oldest first. */
export interface ImageMembers {
  readonly image: Image;
  readonly members: readonly (readonly [project: string, member: Member])[];
}

/** The members of images as a caller may see them: the owner of an image sees all, a member only itself. */
export class MemberAccess {
  /** @param attributesFilled whether a mirror has every attribute of its members */
  constructor(
    private readonly access: ImageAccess,
    private readonly attributesFilled: () => Promise<boolean>,
  ) {}

  /**
   * Reads the members of an image that a caller sees.
   *
   * @throws {NotShared} {PolicyRefused} {SourceUnavailable}, and as `ImageAccess.read`
   */
  async list(id: string, caller: Identity, options: ReadOptions): Promise<Reading<ImageMembers>> {
    const reading = await this.#read(id, caller, options);
    const image = reading.value;
    if (image.visibility !== 'shared') throw new NotShared(image.shownId);
    const permissions = this.access.permissionsOf(caller);
    permissions.enforce('get_members', image);
    const members = permissions.allows('get_member', image) ? this.#visible(image, permissions.viewer) : [];
    return { ...reading, value: { image, members } };
  }

  /**
   * Reads one member of an image.
   *
   * @param project the id of the member's project, in either case, as in Glance
   * @throws {MemberNotFound} also where policy refuses, as in Glance; {SourceUnavailable}, and as `ImageAccess.read`
   */
  async read(
    id: string,
    project: string,
    caller: Identity,
    options: ReadOptions,
  ): Promise<Reading<{ image: Image; project: string; member: Member }>> {
    const reading = await this.#read(id, caller, options);
    const image = reading.value;
    const permissions = this.access.permissionsOf(caller);
    const allowed = image.visibility === 'shared' && permissions.allows('get_member', image);
    if (!allowed) throw new MemberNotFound(image.shownId, project);
    const [found, member] = visibleMember(image, project, permissions.viewer);
    return { ...reading, value: { image, project: found, member } };
  }

  async #read(id: string, caller: Identity, options: ReadOptions): Promise<Reading<Image>> {
    const reading = await this.access.read(id, caller, options);
    if (await this.attributesFilled()) return reading;
    throw new SourceUnavailable('the attributes of its images are still being read');
  }

  #visible(image: Image, viewer: Viewer): [string, Member][] {
    return [...image.members]
      .filter(([project]) => canSeeMember(image, project, viewer))
      .sort(([, one], [, other]) => (one.createdAt?.getTime() ?? 0) - (other.createdAt?.getTime() ?? 0));
  }
}

/**
 * A member of a shared image that a caller sees, with its project as it is stored.
 *
 * @param project the id of the member's project, in either case, as in Glance
 * @throws {MemberNotFound}
 */
export function visibleMember(image: Image, project: string, viewer: Viewer): readonly [string, Member] {
  const members = image.visibility === 'shared' ? [...image.members] : [];
  const found = members.find(([each]) => each.toLowerCase() === project.toLowerCase());
  if (!found || !canSeeMember(image, found[0], viewer)) throw new MemberNotFound(image.shownId, project);
  return found;
}
