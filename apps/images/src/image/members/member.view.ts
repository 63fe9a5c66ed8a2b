import type { Image, Member } from '@glimpse/domain';
import { time } from '../images/image.view.js';

/** The document of a member. Glance always shows both times, and clients rely on it; an import may lack them. */
export function memberView({ shownId, createdAt }: Image, project: string, member: Member): object {
  const since = member.createdAt ?? createdAt;
  return {
    member_id: project,
    image_id: shownId,
    status: member.status,
    created_at: time(since),
    updated_at: time(member.updatedAt ?? since),
    schema: '/v2/schemas/member',
  };
}
