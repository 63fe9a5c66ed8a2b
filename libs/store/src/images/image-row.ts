import type { Image, ImageStatus, MemberStatus, Visibility } from '@glimpse/domain';

/** An image as Prisma or a statement reads it: pg leaves large numbers as text. */
export interface ImageRow {
  readonly id: string;
  readonly version: bigint | string;
  readonly name: string | null;
  readonly status: string;
  readonly visibility: string;
  readonly hidden: boolean;
  readonly owner: string | null;
  readonly protected: boolean;
  readonly size: bigint | string | null;
  readonly minDisk: number;
  readonly minRam: number;
  readonly properties: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date | null;
  readonly members: readonly { readonly member: string; readonly status: string }[] | null;
}

/** A row as the domain's image. */
export function imageOf(row: ImageRow): Image {
  return {
    id: row.id,
    version: BigInt(row.version),
    name: row.name,
    status: row.status as ImageStatus,
    visibility: row.visibility as Visibility,
    hidden: row.hidden,
    owner: row.owner,
    protected: row.protected,
    size: row.size === null ? null : Number(row.size),
    minDisk: row.minDisk,
    minRam: row.minRam,
    properties: row.properties as Record<string, string>,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    members: new Map(row.members?.map(({ member, status }) => [member, status as MemberStatus])),
  };
}
