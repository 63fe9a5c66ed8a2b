import { PENDING_ROWS } from './pending-statements.js';
import { membersIn, upsertMembers } from '../images/import.js';
import { DIFFERS, IMAGE_COLUMNS, REPLACEMENT, imagesIn } from '../images/image-columns.js';

/**
 * The statements of a mirror. In SQL and not through Prisma Client because each decides under the lock of the row in
 * `mirrored` whether its response is the newer one, and writes at once; and because leases end by the database's
 * clock.
 */

/** $1: the lease under which rows are written, or null. The lock makes a successor wait for running statements. */
const HELD = `
  held AS (
    SELECT FROM follower WHERE lease = $1 AND ends_at > clock_timestamp() FOR SHARE
  ), may AS (
    SELECT $1::bigint IS NULL OR EXISTS (SELECT FROM held) AS write
  )`;

export const DRAW = `SELECT nextval('source_tickets') AS number, clock_timestamp() AS "drawnAt"`;

/**
 * For how long after a change was settled a response must look newer than the settled one to replace it: another API
 * host of the source may still answer as before the change.
 */
const SETTLED_FOR_S = 3;

/**
 * Whether a response may replace what a change was settled with. A condition on the row `kept` of `mirrored`.
 *
 * @param drawnAt the parameter with the time of the response's ticket; null: it settles a change itself
 */
const mayReplaceSettled = (drawnAt: string): string => `
  (${drawnAt}::timestamptz IS NULL OR kept.settled_at IS NULL
    OR kept.settled_at < ${drawnAt} - interval '${SETTLED_FOR_S} s')`;

/**
 * Adds images, or replaces those of older responses. Equal images only get the ticket: no new version and no
 * notification. Served by the primary keys of `mirrored` and `images`.
 *
 * $1: the lease or null; $2: the ticket; $3: the images as a JSON array; $4: when the ticket was drawn; null: the
 * response settles a change.
 */
export const APPLY = `
  WITH ${HELD}, batch AS (
    ${imagesIn('$3')}
  ), newer AS (
    INSERT INTO mirrored AS kept (image_id, ticket, attributes_ticket, shared, source_updated_at, settled_at)
    SELECT id, $2, $2, visibility = 'shared' AND deleted_at IS NULL, updated_at,
           CASE WHEN $4::timestamptz IS NULL THEN clock_timestamp() END
    FROM batch, may WHERE may.write ORDER BY id
    ON CONFLICT (image_id) DO UPDATE
    SET ticket = EXCLUDED.ticket, attributes_ticket = EXCLUDED.ticket, shared = EXCLUDED.shared,
        source_updated_at = EXCLUDED.source_updated_at, settled_at = coalesce(EXCLUDED.settled_at, kept.settled_at),
        members_ticket = CASE WHEN kept.shared THEN kept.members_ticket ELSE 0 END,
        has_members = kept.shared AND kept.has_members
    WHERE kept.ticket < EXCLUDED.ticket
      AND (${mayReplaceSettled('$4')} OR kept.source_updated_at < EXCLUDED.source_updated_at)
    RETURNING image_id
  ), written AS (
    INSERT INTO images AS kept (${IMAGE_COLUMNS})
    SELECT ${IMAGE_COLUMNS} FROM batch JOIN newer ON image_id = id
    ON CONFLICT (id) DO UPDATE SET ${REPLACEMENT} WHERE ${DIFFERS}
    RETURNING id, xmax = 0 AS added
  )
  SELECT may.write AS held,
         coalesce(array_agg(id::text) FILTER (WHERE added), '{}') AS added,
         coalesce(array_agg(id::text) FILTER (WHERE NOT added), '{}') AS changed
  FROM may LEFT JOIN written ON true GROUP BY may.write`;

/**
 * Waits for concurrent writers of these images' members. Without the lock, a statement with an older snapshot would
 * miss their writes and keep a deleted member. $1: the ids.
 */
export const LOCK_MIRRORED = `
  SELECT FROM mirrored WHERE image_id = ANY ($1::uuid[]) ORDER BY image_id FOR UPDATE`;

/**
 * Replaces the members of images. Served by the primary keys of `mirrored` and `members`.
 *
 * $1: the lease or null; $2: the ticket; $3: a JSON array of {image_id, members: [{member, status, member_created_at, member_updated_at}]}; $4: as of {@link APPLY}.
 */
export const APPLY_MEMBERS = `
  WITH ${HELD}, batch AS (
    SELECT image_id, members FROM jsonb_to_recordset($3::jsonb) AS named (image_id uuid, members jsonb)
  ), newer AS (
    UPDATE mirrored AS kept SET members_ticket = $2, member_times_ticket = $2, members_read_at = clock_timestamp(),
                                has_members = jsonb_array_length(members) > 0
    FROM batch, may
    WHERE may.write AND kept.image_id = batch.image_id AND kept.members_ticket < $2 AND ${mayReplaceSettled('$4')}
    RETURNING batch.image_id, members
  ), wanted AS (
    SELECT image_id, listed.* FROM newer, ${membersIn('members')}
  ), removed AS (
    DELETE FROM members AS kept USING newer
    WHERE kept.image_id = newer.image_id
      AND NOT EXISTS (SELECT FROM wanted WHERE wanted.image_id = kept.image_id AND wanted.member = kept.member)
    RETURNING kept.image_id
  ), replaced AS (
    ${upsertMembers('wanted')}
    RETURNING image_id
  ), differing AS (
    SELECT image_id FROM removed UNION SELECT image_id FROM replaced
  )
  SELECT may.write AS held, coalesce(array_agg(image_id::text) FILTER (WHERE image_id IS NOT NULL), '{}') AS changed
  FROM may LEFT JOIN differing ON true GROUP BY may.write`;

/**
 * Soft deletes. Served by the primary keys of `mirrored` and `images`.
 *
 * $1: the lease or null; $2: the ticket; $3: the ids; $4: when the ticket was drawn; null: in any case.
 */
export const REMOVE = `
  WITH ${HELD}, older AS (
    UPDATE mirrored AS kept SET ticket = $2, attributes_ticket = $2, shared = false FROM may
    WHERE may.write AND image_id = ANY ($3::uuid[]) AND ticket < $2 AND ${mayReplaceSettled('$4')}
    RETURNING image_id
  ), removed AS (
    UPDATE images SET status = 'deleted', version = nextval('images_version_seq'),
                      updated_at = clock_timestamp(), deleted_at = clock_timestamp()
    FROM older WHERE id = image_id AND deleted_at IS NULL
    RETURNING id
  )
  SELECT may.write AS held, coalesce(array_agg(id::text) FILTER (WHERE id IS NOT NULL), '{}') AS changed
  FROM may LEFT JOIN removed ON true GROUP BY may.write`;

/** The length of the follower's lease. */
const FOLLOWER_LEASE_S = 3;

/**
 * A lease that did not write `attributes_lease` was of release 0.1: the attributes are to be filled by a full sync
 * from its beginning.
 *
 * $1: the follower. No row while another one has the lease.
 */
export const ACQUIRE = `
  UPDATE follower
  SET lease = lease + 1, attributes_lease = lease + 1,
      attributes_filled_at = CASE WHEN attributes_lease = lease THEN attributes_filled_at END,
      walk = CASE WHEN attributes_lease = lease THEN walk END, holder = $1, ends_at = clock_timestamp() + interval '${FOLLOWER_LEASE_S} s'
  WHERE ends_at < clock_timestamp() RETURNING lease AS number`;

/** $1: the lease. A row while it holds. */
export const RENEW = `
  UPDATE follower SET ends_at = clock_timestamp() + interval '${FOLLOWER_LEASE_S} s'
  WHERE lease = $1 AND ends_at > clock_timestamp() RETURNING lease`;

/** $1: the lease. */
export const RELEASE = `UPDATE follower SET ends_at = '-infinity' WHERE lease = $1`;

/**
 * How current the mirror is, as {@link SyncStatusRow}. `pending_changes` has a row for each change that runs, and is
 * read as a whole.
 */
export const SYNC_STATUS = `
  SELECT ${PENDING_ROWS} AS pending, walked_at IS NOT NULL AS complete,
         attributes_filled_at IS NOT NULL AND attributes_lease = lease AS "attributesFilled",
         coalesce(extract(epoch FROM clock_timestamp() - looked_at), 'infinity')::float8 AS age
  FROM follower`;

export const FACTS = `SELECT name, value FROM source_facts`;

/** Served by the primary key. $1: the name; $2: the value in JSON; $3: the ticket. */
export const APPLY_FACT = `
  INSERT INTO source_facts AS kept (name, value, ticket) VALUES ($1, $2, $3)
  ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value, ticket = EXCLUDED.ticket
  WHERE kept.ticket < EXCLUDED.ticket`;

export const PROGRESS = `
  SELECT CASE WHEN ends_at > clock_timestamp() THEN holder END AS holder,
         changed_until AS "changedUntil", looked_at AS "incrementalSyncAt", walk AS "fullSync", walked_at AS "fullSyncAt",
         CASE WHEN attributes_lease = lease THEN attributes_filled_at END AS "attributesFilledAt",
         refused_removals AS "refusedRemovals", accepts_removals AS "acceptsRemovals"
  FROM follower`;

/** Updates the columns in $2, a JSON object. $1: the lease. A row while it holds. */
export const ADVANCE = `
  UPDATE follower
  SET changed_until = CASE WHEN $2 ? 'changedUntil' THEN ($2 ->> 'changedUntil')::timestamptz ELSE changed_until END,
      looked_at = CASE WHEN $2 ? 'incrementalSyncAt' THEN ($2 ->> 'incrementalSyncAt')::timestamptz ELSE looked_at END,
      walk = CASE WHEN $2 ? 'fullSync' THEN nullif($2 -> 'fullSync', 'null') ELSE walk END,
      walked_at = CASE WHEN $2 ? 'fullSyncAt' THEN ($2 ->> 'fullSyncAt')::timestamptz ELSE walked_at END,
      attributes_filled_at = CASE WHEN $2 ? 'attributesFilledAt' THEN ($2 ->> 'attributesFilledAt')::timestamptz
                             ELSE attributes_filled_at END,
      refused_removals = coalesce(($2 ->> 'refusedRemovals')::integer, refused_removals),
      accepts_removals = coalesce(($2 ->> 'acceptsRemovals')::boolean, accepts_removals)
  WHERE lease = $1 AND ends_at > clock_timestamp() RETURNING lease`;

/** The images that no response has named since a ticket. $1: the ticket. */
const UNNAMED = `
  FROM mirrored JOIN images ON id = image_id WHERE ticket < $1 AND deleted_at IS NULL`;

/** By primary key, in the order of ids. $2: the id to continue after; $3: how many. */
export const UNNAMED_SINCE = `SELECT id ${UNNAMED} AND image_id > $2 ORDER BY image_id LIMIT $3`;

/** Reads all of `mirrored`, once in a full sync. */
export const COUNT_UNNAMED_SINCE = `SELECT count(*)::int AS count ${UNNAMED}`;

export const ACCEPT_REMOVALS = `UPDATE follower SET accepts_removals = true`;

/** Finds one early, or there are few images: once a source is followed, images come from it only. */
export const HAS_OWN_IMAGES = `
  SELECT lease = 0 AND EXISTS (
    SELECT FROM images WHERE deleted_at IS NULL AND NOT EXISTS (SELECT FROM mirrored WHERE image_id = id)
  ) AS "hasOwnImages"
  FROM follower`;

const OLDEST_READ = (condition: string): string => `
  coalesce((SELECT extract(epoch FROM clock_timestamp() - members_read_at)::float8
            FROM mirrored WHERE shared AND ${condition} ORDER BY members_ticket LIMIT 1), 0)`;

/** Served by `mirrored_members_idx`. */
export const MEMBERS_STALENESS = `
  SELECT (SELECT count(*)::int FROM mirrored WHERE shared AND NOT has_members AND members_ticket = 0) AS unread,
         ${OLDEST_READ('has_members')} AS oldest,
         ${OLDEST_READ('NOT has_members AND members_ticket > 0')} AS "oldestNone"`;

/** $1: whether hidden; $2 and $3: the place to continue after; $4: how many. */
export const IDS_IN_ORDER = `
  SELECT id FROM images
  WHERE deleted_at IS NULL AND hidden = $1 AND (created_at, id) > ($2, $3) ORDER BY created_at, id LIMIT $4`;

export const COUNT = `SELECT count(*)::int AS count FROM images WHERE deleted_at IS NULL`;

/**
 * Served by `mirrored_members_idx`.
 *
 * $1: whether they had any; $2: whether they were ever read; $3: seconds since then; $4: how many.
 */
export const MEMBERS_DUE = `
  SELECT image_id AS id FROM mirrored
  WHERE shared AND has_members = $1 AND (members_ticket > 0) = $2
    AND coalesce(members_read_at, '-infinity') <= clock_timestamp() - make_interval(secs => $3)
  ORDER BY members_ticket LIMIT $4`;

/** Served by the primary key of `mirrored`. $1: the ids. */
export const WITHOUT_MEMBER_TIMES = `
  SELECT image_id AS id FROM mirrored
  WHERE image_id = ANY ($1::uuid[]) AND shared AND has_members AND member_times_ticket <> members_ticket`;

/** By primary key. $1: the id. */
export const SHOWN_ID = `
  SELECT coalesce(shown_id, id::text) AS id FROM images WHERE id = $1 AND deleted_at IS NULL`;

/** The length of the lease of a change. */
export const CHANGE_LEASE_S = 8;

/** $1: the image; $2: the holder. A row if no other holder has the lease. */
export const BEGIN_CHANGE = `
  INSERT INTO change_leases AS kept (image_id, holder, ends_at)
  VALUES ($1, $2, clock_timestamp() + interval '${CHANGE_LEASE_S} s')
  ON CONFLICT (image_id) DO UPDATE SET holder = EXCLUDED.holder, ends_at = EXCLUDED.ends_at
  WHERE kept.ends_at < clock_timestamp() RETURNING image_id`;

export const END_CHANGE = `DELETE FROM change_leases WHERE image_id = $1 AND holder = $2`;
