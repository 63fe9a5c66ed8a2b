import type { SourceImage, SourceMembers } from '@glimpse/domain';
import type pg from 'pg';
import { DIFFERS, IMAGE_COLUMNS, REPLACEMENT, documentOf, imagesIn } from './image-columns.js';
import { orUnavailable } from '../connection/unavailable.js';

/** The result of a batch. */
export interface ImportOutcome {
  readonly added: number;
  readonly changed: number;
  /** Equal to what the catalogue has, or older than it. */
  readonly unchanged: number;
}

/**
 * Adds the images of a batch, or replaces older ones. In SQL and not through Prisma Client because one statement
 * writes a batch, compares each row under its lock, and leaves equal ones alone: no new version, no notification. Served by the primary key of `images`.
 *
 * $1: the images as a JSON array; $2: whether older ones replace newer ones too.
 */
const UPSERT_IMAGES = `
  INSERT INTO images AS kept (${IMAGE_COLUMNS})
  ${imagesIn('$1')}
  ON CONFLICT (id) DO UPDATE SET ${REPLACEMENT}
  WHERE ($2 OR (EXCLUDED.updated_at >= coalesce(kept.updated_at, '-infinity')
                AND EXCLUDED.updated_at >= coalesce(kept.deleted_at, '-infinity')))
    AND ${DIFFERS}
  RETURNING xmax = 0 AS added`;

/**
 * The members in a JSON array of {@link membersDocumentOf}, as rows `listed`.
 *
 * @param array the column that holds it
 */
export const membersIn = (array: string): string => `
  jsonb_to_recordset(${array})
    AS listed (member text, status text, member_created_at timestamptz, member_updated_at timestamptz)`;

/**
 * Adds the members of a common table expression, or replaces those that differ. A time that is not known replaces
 * none that is, unless the status differs: then the known one is out of date.
 */
export const upsertMembers = (wanted: string): string => `
  INSERT INTO members AS kept (image_id, member, status, member_created_at, member_updated_at)
  SELECT image_id, member, status, member_created_at, member_updated_at FROM ${wanted}
  ON CONFLICT (image_id, member) DO UPDATE
  SET status = EXCLUDED.status,
      member_created_at = coalesce(EXCLUDED.member_created_at, kept.member_created_at),
      member_updated_at = CASE WHEN kept.status = EXCLUDED.status
                          THEN coalesce(EXCLUDED.member_updated_at, kept.member_updated_at)
                          ELSE EXCLUDED.member_updated_at END
  WHERE kept.status <> EXCLUDED.status
     OR kept.member_created_at IS DISTINCT FROM coalesce(EXCLUDED.member_created_at, kept.member_created_at)
     OR kept.member_updated_at IS DISTINCT FROM coalesce(EXCLUDED.member_updated_at, kept.member_updated_at)`;

/**
 * Replaces the members of a batch of images. Images that the catalogue does not have are left out and their ids
 * returned; equal members are left alone. Served by the primary key of `members`.
 *
 * $1: a JSON array of {image_id, members: [{member, status, member_created_at, member_updated_at}]}.
 */
const REPLACE_MEMBERS = `
  WITH batch AS (
    SELECT image_id, members, image.id IS NOT NULL AS known
    FROM jsonb_to_recordset($1::jsonb) AS named (image_id uuid, members jsonb)
    LEFT JOIN images AS image ON image.id = named.image_id
  ), wanted AS (
    SELECT image_id, listed.*
    FROM batch, ${membersIn('members')}
    WHERE known
  ), removed AS (
    DELETE FROM members AS kept USING batch
    WHERE kept.image_id = batch.image_id
      AND NOT EXISTS (SELECT FROM wanted WHERE wanted.image_id = kept.image_id AND wanted.member = kept.member)
  ), replaced AS (
    ${upsertMembers('wanted')}
  )
  SELECT image_id FROM batch WHERE NOT known`;

/** The members of an image as the statements that write members accept them. */
export function membersDocumentOf({ imageId, members }: SourceMembers): object {
  const rows = [...members].map(([member, { status, createdAt, updatedAt }]) => ({
    member,
    status,
    member_created_at: createdAt,
    member_updated_at: updatedAt,
  }));
  return { image_id: imageId, members: rows };
}

/**
 * Adds images, or replaces older ones of the same id.
 *
 * @param images each id once
 * @param force whether an image replaces one that changed later
 */
export async function importImages(
  client: pg.ClientBase,
  images: readonly SourceImage[],
  force: boolean,
): Promise<ImportOutcome> {
  const batch = images.map(documentOf);
  const values = [JSON.stringify(batch), force];
  const { rows } = await orUnavailable(() => client.query<{ added: boolean }>(UPSERT_IMAGES, values));
  const added = rows.filter((row) => row.added).length;
  return { added, changed: rows.length - added, unchanged: images.length - rows.length };
}

/**
 * Replaces the members of images.
 *
 * @param members each image once
 * @returns the ids of the images that the catalogue does not have
 */
export async function importMembers(
  client: pg.ClientBase,
  members: readonly SourceMembers[],
): Promise<string[]> {
  const batch = members.map(membersDocumentOf);
  const values = [JSON.stringify(batch)];
  const { rows } = await orUnavailable(() => client.query<{ image_id: string }>(REPLACE_MEMBERS, values));
  return rows.map((row) => row.image_id);
}
