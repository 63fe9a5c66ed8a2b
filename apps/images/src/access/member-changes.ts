import { PolicyRefused } from '@glimpse/auth';
import {
  DomainError,
  type Identity,
  type Image,
  type ImageEditor,
  type Member,
  type MemberStatus,
} from '@glimpse/domain';
import type { ImageAccess } from './image-access.js';
import { visibleMember } from './image-members.js';

/** Members of shared images only are changed; an image that is no longer shared keeps its own. */
export class CannotShare extends DomainError {
  readonly code = 'cannot-share';

  constructor(id: string, change: 'create' | 'update' | 'delete') {
    super(
      `Not allowed to ${change} members for image ${id}: only images of visibility "shared" have members.`,
    );
  }
}

/** A member of an image, with its project as it is stored. */
export interface ChangedMember {
  readonly image: Image;
  readonly project: string;
  readonly member: Member;
}

/** The changes of members in a catalogue of its own, as far as a caller may make them. */
export class MemberChanges {
  constructor(
    private readonly access: ImageAccess,
    private readonly editor: ImageEditor,
  ) {}

  /**
   * Shares an image with a project, which has yet to accept it.
   *
   * @throws {NotOwner} {PolicyRefused} {CannotShare} {MemberExists} {LimitExceeded}, and as `ImageAccess.read`
   */
  async add(id: string, project: string, caller: Identity): Promise<ChangedMember> {
    const { image } = await this.access.readCurrent(id, caller);
    this.access.permissionsOf(caller).enforceChange('add_member', image);
    requireShared(image, 'create');
    return { image, project, member: await this.editor.addMember(image, project) };
  }

  /**
   * Sets the status of a member: only the member itself may, unless it owns the image, and an administrator.
   *
   * @throws {PolicyRefused} {CannotShare} {MemberNotFound}, and as `ImageAccess.read`
   */
  async setStatus(
    id: string,
    project: string,
    status: MemberStatus,
    caller: Identity,
  ): Promise<ChangedMember> {
    const { image } = await this.access.readCurrent(id, caller);
    requireShared(image, 'update');
    const permissions = this.access.permissionsOf(caller);
    const { viewer } = permissions;
    const [member] = visibleMember(image, project, viewer);
    const accepts = viewer.project === member && viewer.project !== image.owner;
    if (!viewer.admin && !accepts) throw new PolicyRefused('modify_member');
    permissions.enforce('modify_member', image, member);
    return { image, project: member, member: await this.editor.setMemberStatus(image, member, status) };
  }

  /** @throws {NotOwner} {PolicyRefused} {CannotShare} {MemberNotFound}, and as `ImageAccess.read` */
  async remove(id: string, project: string, caller: Identity): Promise<void> {
    const { image } = await this.access.readCurrent(id, caller);
    requireShared(image, 'delete');
    const permissions = this.access.permissionsOf(caller);
    const [member] = visibleMember(image, project, permissions.viewer);
    permissions.enforceChange('delete_member', image);
    await this.editor.removeMember(image, member);
  }
}

/** @throws {CannotShare} */
function requireShared({ visibility, shownId }: Image, change: 'create' | 'update' | 'delete'): void {
  if (visibility !== 'shared') throw new CannotShare(shownId, change);
}
