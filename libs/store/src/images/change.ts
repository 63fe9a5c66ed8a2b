import {
  PROPERTY_QUOTA,
  RESERVED_PREFIX,
  listAudienceOf,
  type Image,
  type ListAudience,
  type PropertyChange,
} from '@glimpse/domain';
import type { Statement } from '../statement.js';

/** To whom an image is shown; a change of its properties, or its deletion, does not change that. */
interface SharedRow extends Pick<Image, 'visibility' | 'owner'> {
  /** The projects that it is shared with. */
  readonly members: readonly string[];
}

/** The properties before and after a change. */
export interface PropertiesRow extends SharedRow {
  /** The version before the change. */
  readonly version: string;
  readonly before: Image['properties'];
  /** As the change makes them; not in effect if it was refused. */
  readonly after: Image['properties'];
}

/** The state before a deletion. */
export interface DeletedRow extends SharedRow {
  /** The version before the deletion. */
  readonly version: string;
  readonly protected: boolean;
}

/** The audience of the image of a row. */
export function audienceOfRow({ visibility, owner, members }: SharedRow): ListAudience {
  return listAudienceOf({ visibility, owner, members: new Set(members) });
}

/** The columns of a {@link SharedRow}, of a common table expression that has the image. */
const shared = (image: string): string =>
  `visibility, owner, array(SELECT member FROM members WHERE image_id = ${image}.id) AS members`;

/**
 * A change of properties. In SQL and not through Prisma Client because it is one statement that waits for other
 * writers of the image before it reads it: without the row lock the first part would not be read again after
 * waiting, and the other writer's key would be lost. The same statement returns what it found, and so why it
 * changed nothing. Served by the primary key of `images`.
 *
 * $1: the id; $2: properties to set, as JSON; $3: whether the others go; $4: a key to remove;
 * $5: the version the image must have, or null; $6: the most properties it may have;
 * $7: the keys of the others that stay, besides the service's own.
 */
const CHANGE_PROPERTIES = `
  WITH found AS (
    SELECT id, version, visibility, owner, properties AS before
    FROM images WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE
  ), wanted AS (
    SELECT found.*, (CASE WHEN $3 THEN (
        SELECT coalesce(jsonb_object_agg(key, value), '{}') FROM jsonb_each(before)
        WHERE key = ANY ($7::text[]) OR starts_with(key, '${RESERVED_PREFIX}')
      ) ELSE before END || $2::jsonb) - coalesce($4::text, '') AS after
    FROM found
  ), changed AS (
    UPDATE images SET properties = wanted.after, version = nextval('images_version_seq'),
                      updated_at = clock_timestamp()
    FROM wanted
    WHERE images.id = wanted.id AND wanted.after <> wanted.before
      AND ($4::text IS NOT NULL OR (
        SELECT count(*) FROM jsonb_object_keys(wanted.after) AS key WHERE NOT starts_with(key, '${RESERVED_PREFIX}')
      ) <= $6)
      AND ($5::bigint IS NULL OR wanted.version = $5)
  )
  SELECT version, before, after, ${shared('wanted')} FROM wanted`;

/**
 * A soft delete, in SQL for the same reason: its time is the database's and its version the sequence's. A trigger
 * dooms its data, whose bytes are deleted once this is committed. Served by the primary key of `images`.
 *
 * $1: the id; $2: the version the image must have, or null.
 */
const DELETE_IMAGE = `
  WITH found AS (
    SELECT id, version, protected, visibility, owner
    FROM images WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE
  ), deleted AS (
    UPDATE images SET status = 'deleted', version = nextval('images_version_seq'),
                      updated_at = clock_timestamp(), deleted_at = clock_timestamp()
    FROM found
    WHERE images.id = found.id AND NOT found.protected AND ($2::bigint IS NULL OR found.version = $2)
  )
  SELECT version, protected, ${shared('found')} FROM found`;

/** The statement of a change of properties; its row is a {@link PropertiesRow}, or there is no such image. */
export function changeStatement(id: string, change: PropertyChange, version?: bigint): Statement {
  const [properties, key] = change.kind === 'remove' ? [{}, change.key] : [change.properties, null];
  return {
    name: 'change properties',
    text: CHANGE_PROPERTIES,
    values: [
      id,
      JSON.stringify(properties),
      change.kind === 'replace',
      key,
      version ?? null,
      PROPERTY_QUOTA,
      change.kind === 'replace' ? (change.keep ?? []) : [],
    ],
  };
}

/** The statement of a soft delete; its row is a {@link DeletedRow}, or there is no such image. */
export function deleteStatement(id: string, version?: bigint): Statement {
  return { name: 'delete image', text: DELETE_IMAGE, values: [id, version ?? null] };
}
