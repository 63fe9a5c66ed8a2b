import type { Image, Member } from '@glimpse/domain';
import { time } from '../images/image.view.js';

/** The document of a member. */
export function memberView({ shownId }: Image, project: string, member: Member): object {
  return {
    member_id: project,
    image_id: shownId,
    status: member.status,
    created_at: time(member.createdAt),
    updated_at: time(member.updatedAt),
    schema: '/v2/schemas/member',
  };
}
