/**
 * The statements of changes at the source that the mirror may not show yet. In SQL and not through Prisma Client because
 * each is one statement, and most draw a ticket, notify, or compare a beat with it.
 */

/** The channel that notifies replicas of another change that readers have to count: they read the status at once. */
export const PENDING_CHANNEL = 'glimpse_pending';

/** All rows that readers may have to count, as a JSON array. A change that runs has a row: the table is read whole. */
export const PENDING_ROWS = `
  (SELECT coalesce(jsonb_agg(jsonb_build_object(
            'change', ticket::text, 'imageId', image_id, 'state', state, 'beat', beat, 'projects', projects)), '[]')
   FROM pending_changes WHERE state <> 'watched')`;

/** The same for the follower, which counts all of them. */
export const ALL_PENDING = `
  SELECT ticket::text AS change, image_id AS "imageId", state, beat::float8 AS beat, projects
  FROM pending_changes ORDER BY ticket, image_id`;

/**
 * The projects are those in whose lists the image is before the change: null where that is every project, or the image
 * is not known. Served by the primary keys of `images` and `members`. $1: the ids.
 */
export const NOTE = `
  WITH drawn AS (
    SELECT nextval('source_tickets') AS ticket
  )
  INSERT INTO pending_changes (ticket, image_id, projects)
  SELECT ticket, named.id,
         CASE WHEN image.owner IS NOT NULL AND image.visibility IN ('private', 'shared')
         THEN image.owner::text || array(SELECT member::text FROM members WHERE members.image_id = image.id) END
  FROM drawn, unnest($1::uuid[]) AS named (id) LEFT JOIN images AS image ON image.id = named.id
  RETURNING ticket`;

/** Served by the primary key. $1: the tickets. */
export const BEAT = `
  UPDATE pending_changes SET beat = beat + 1 WHERE ticket = ANY ($1::bigint[]) AND state = 'sent'`;

const NOTIFIES = `SELECT pg_notify('${PENDING_CHANNEL}', '') FROM changed`;

/** Served by the primary key. $1: the ticket; null: the change was not noted; $2: the image; $3: the state. */
export const RELEASE_CHANGE = `
  WITH changed AS (
    INSERT INTO pending_changes (ticket, image_id, state, due_at)
    VALUES (coalesce($1::bigint, nextval('source_tickets')), $2::uuid, $3, clock_timestamp())
    ON CONFLICT (ticket, image_id) DO UPDATE SET state = EXCLUDED.state, due_at = EXCLUDED.due_at
    RETURNING ticket
  ) ${NOTIFIES}`;

/** Served by the primary key. $1: the ticket; $2: the image; $3: the beat. */
export const TAKE_OVER = `
  WITH changed AS (
    UPDATE pending_changes SET state = 'lost', due_at = clock_timestamp()
    WHERE ticket = $1 AND image_id = $2 AND state = 'sent' AND beat = $3
    RETURNING ticket
  ) ${NOTIFIES}`;

/** Served by the primary key. $1: the ticket; $2: the image. */
export const WATCH = `
  UPDATE pending_changes SET state = 'watched' WHERE ticket = $1 AND image_id = $2 AND state = 'lost'`;

/** Served by the primary key. $1: the ticket; $2: the images. */
export const FORGET = `DELETE FROM pending_changes WHERE ticket = $1 AND image_id = ANY ($2::uuid[])`;

/** Reads the whole table, once in a full sync. $1: a time. */
export const GIVE_UP = `DELETE FROM pending_changes WHERE due_at < $1 RETURNING ticket`;

/**
 * Soft deletes after a change. An image that is not known here becomes a deleted one, so that a response that was
 * requested earlier does not add it: no caller has seen that one, so none may go on after it in a list. Served by the
 * primary keys of `mirrored` and `images`.
 *
 * $1: the ticket; $2: the image.
 */
export const SETTLE_REMOVED = `
  WITH older AS (
    INSERT INTO mirrored AS kept (image_id, ticket, attributes_ticket, shared, source_updated_at, settled_at)
    VALUES ($2::uuid, $1, $1, false, clock_timestamp(), clock_timestamp())
    ON CONFLICT (image_id) DO UPDATE
    SET ticket = EXCLUDED.ticket, attributes_ticket = EXCLUDED.ticket, shared = false,
        source_updated_at = EXCLUDED.source_updated_at, settled_at = EXCLUDED.settled_at
    WHERE kept.ticket < EXCLUDED.ticket
    RETURNING image_id
  )
  INSERT INTO images AS kept (id, status, visibility, owner, created_at, updated_at, deleted_at)
  SELECT image_id, 'deleted', 'private', '', clock_timestamp(), clock_timestamp(), clock_timestamp() FROM older
  ON CONFLICT (id) DO UPDATE
  SET status = 'deleted', version = nextval('images_version_seq'), updated_at = EXCLUDED.updated_at,
      deleted_at = EXCLUDED.deleted_at
  WHERE kept.deleted_at IS NULL`;
