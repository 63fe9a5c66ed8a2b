import { endedImport } from './import-statements.js';
import { FIRST_STORE, changeTo, inStore } from './statements.js';

/*
 * The statements of a check of image data against the catalogue. They compare tables, however many objects there are:
 * `known`, the objects that had to be in the store when the check began, and `listed`, what was found there afterwards.
 */

/**
 * What is known before the store is listed: what is uploaded meanwhile may be listed or not. A check reads whole tables,
 * for which the connections of a service are not configured.
 */
export const BEGIN_CHECK = `
  SET enable_seqscan = on; SET enable_sort = on; SET plan_cache_mode = auto;
  CREATE TEMPORARY TABLE known AS SELECT id FROM image_objects WHERE state IN ('staged', 'live');
  CREATE TEMPORARY TABLE listed (id uuid, bytes bigint, modified_at timestamptz)`;

/** Before the list of each store. */
export const BEGIN_LIST = 'TRUNCATE listed';

/** $1: keys; $2: bytes; $3: times. */
export const ADD_LISTED =
  'INSERT INTO listed SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[])';

export const END_OF_LIST = 'ANALYZE known; ANALYZE listed';

/** Objects that a store lacks, or has with another size. $1: the store. */
export const MISSING = `
  SELECT id, image_id AS image, object.bytes, listed.bytes AS found
  FROM known JOIN image_objects AS object USING (id) LEFT JOIN listed USING (id)
  WHERE object.state IN ('staged', 'live') AND listed.bytes IS DISTINCT FROM object.bytes AND ${inStore('object', '$1')}
  ORDER BY id`;

/** Objects of stores that are none of these. $1: the stores. */
export const UNKNOWN_STORES = `
  SELECT object.store, count(*)::integer AS count, min(image_id::text) AS image
  FROM image_objects AS object
  WHERE object.state IN ('staged', 'live')
    AND NOT EXISTS (SELECT FROM unnest($1::text[]) AS known (store) WHERE ${inStore('object', 'known.store')})
  GROUP BY object.store ORDER BY object.store`;

/**
 * Objects of a store that no row names there, and no row named when they were listed: a row is there before its bytes.
 *
 * $1: the store; $2: only those that are older.
 */
export const ORPHANS = `
  SELECT listed.id, listed.bytes, modified_at AS "modifiedAt"
  FROM listed LEFT JOIN image_objects AS object ON object.id = listed.id AND ${inStore('object', '$1')}
  WHERE object.id IS NULL AND ($2::timestamptz IS NULL OR modified_at < $2) ORDER BY modified_at, listed.id`;

/** The names of the stores that have the data of an image, in the order in which documents have them. */
const storesOf = (image: string): string => `(
  SELECT string_agg(DISTINCT name, ',' ORDER BY name) FROM (
    SELECT coalesce(store, ${FIRST_STORE}) COLLATE "C" AS name FROM image_objects
    WHERE image_id = ${image} AND state = 'live'
  ) AS object)`;

/** Images whose documents name other stores than those that have their data, once stores have names. */
export const WRONGLY_SHOWN = `
  SELECT images.id AS image, coalesce(locations ->> 'stores', '') AS shown, stored
  FROM images, LATERAL (SELECT ${storesOf('images.id')} AS stored) AS found,
    LATERAL (SELECT string_to_array(locations ->> 'stores', ',') AS names, string_to_array(stored, ',') AS stores) AS compared
  WHERE status IN ('active', 'deactivated') AND deleted_at IS NULL AND ${FIRST_STORE} IS NOT NULL
    AND stored IS NOT NULL AND (names @> stores AND names <@ stores) IS NOT TRUE
  ORDER BY images.id`;

/** $1: the image's id. */
export const SHOW_STORES = `
  UPDATE images SET version = nextval('images_version_seq'),
    locations = coalesce(locations, '{}') || jsonb_build_object('stores', ${storesOf('images.id')})
  WHERE id = $1 AND deleted_at IS NULL AND ${storesOf('images.id')} IS NOT NULL RETURNING id`;

/** Images that wait for an upload that nothing receives, or an import that nothing makes, and have no staged data. */
export const WAITING_IMAGES = `
  SELECT id AS image, status, upload FROM images
  WHERE (status IN ('saving', 'uploading', 'importing') OR status IN ('active', 'deactivated') AND upload IS NOT NULL)
    AND deleted_at IS NULL AND NOT EXISTS (
      SELECT FROM image_objects AS object
      WHERE image_id = images.id AND (
        state = 'writing' AND upload IN (object.id, object.import_id)
        OR state = 'staged' AND status = 'uploading' AND upload IS NULL
      )
    ) ORDER BY id`;

/**
 * Ends an upload or an import that does not run: an image with data is active as before, one with staged data waits for
 * an import again, any other one for data.
 *
 * $1: the image's id; $2: the upload or the import that it waits for, or null.
 */
export const QUEUE_IMAGE = `
  WITH found AS (
    SELECT status IN ('active', 'deactivated') AS has_data, EXISTS (
      SELECT FROM image_objects WHERE image_id = $1 AND state = 'staged'
    ) AS has_staged
    FROM images WHERE id = $1
  )
  UPDATE images SET
    ${changeTo("CASE WHEN has_data THEN status WHEN has_staged THEN 'uploading' ELSE 'queued' END")},
    upload = NULL, size = CASE WHEN has_data OR has_staged THEN size END,
    properties = ${endedImport('properties')}
  FROM found
  WHERE id = $1 AND deleted_at IS NULL AND upload IS NOT DISTINCT FROM $2
    AND (status IN ('saving', 'uploading', 'importing') OR has_data AND upload IS NOT NULL)
    AND NOT EXISTS (
      SELECT FROM image_objects
      WHERE image_id = $1 AND (state = 'writing' OR state = 'staged' AND status = 'uploading')
    )
  RETURNING status`;

/** Objects of images that were deleted, and perhaps purged. */
export const DELETED_IMAGES = `
  SELECT object.id, image_id AS image
  FROM image_objects AS object LEFT JOIN images ON images.id = image_id LEFT JOIN used_ids ON used_ids.id = image_id
  WHERE state <> 'doomed' AND (deleted_at IS NOT NULL OR images.id IS NULL AND used_ids.id IS NOT NULL)
  ORDER BY object.id`;

/** $1: the object's id. */
export const DOOM_OBJECT =
  "UPDATE image_objects SET state = 'doomed' WHERE id = $1 AND state <> 'doomed' RETURNING id";

/** Objects that their image does not have as its data, and images with several in one store: the catalogue was changed by hand. */
export const STRAY_OBJECTS = `
  SELECT object.id, image_id AS image, object.state, status
  FROM image_objects AS object LEFT JOIN images ON images.id = image_id LEFT JOIN used_ids ON used_ids.id = image_id
  WHERE deleted_at IS NULL AND (images.id IS NOT NULL OR used_ids.id IS NULL) AND (
    images.id IS NULL AND state <> 'doomed'
    OR state = 'live' AND status NOT IN ('active', 'deactivated')
    OR state = 'staged' AND status NOT IN ('uploading', 'importing') AND upload IS NULL
    OR state = 'live' AND EXISTS (
      SELECT FROM image_objects AS other
      WHERE other.image_id = object.image_id AND other.state = 'live' AND other.id < object.id
        AND ${inStore('other', 'object.store')}
    )
  ) ORDER BY object.id`;

/** The active images without an object: only their documents were imported. */
export const WITHOUT_DATA = `
  SELECT count(*)::integer AS count, min(id::text) AS example FROM images
  WHERE status IN ('active', 'deactivated') AND deleted_at IS NULL
    AND NOT EXISTS (SELECT FROM image_objects WHERE image_id = images.id AND state = 'live')`;

const SUMS = `
  SELECT project, sum(bytes)::bigint AS bytes FROM image_objects
  WHERE state <> 'doomed' AND project IS NOT NULL GROUP BY project`;

/** Projects whose usage is not the sum of their objects. One statement sees both as of the same time. */
export const WRONG_USAGE = `
  SELECT project, coalesce(usage.bytes, 0) AS noted, coalesce(sums.bytes, 0) AS sum
  FROM project_usage AS usage FULL JOIN (${SUMS}) AS sums USING (project)
  WHERE coalesce(usage.bytes, 0) <> coalesce(sums.bytes, 0) ORDER BY project`;

/** $1: the project. */
export const LOCK_USAGE = `
  INSERT INTO project_usage AS usage (project, bytes) VALUES ($1, 0)
  ON CONFLICT (project) DO UPDATE SET bytes = usage.bytes`;

/** After {@link LOCK_USAGE}: what was not committed by then adds its bytes afterwards. $1: the project. */
export const RECOUNT_USAGE = `
  UPDATE project_usage SET bytes = coalesce((SELECT sums.bytes FROM (${SUMS}) AS sums WHERE project = $1), 0)
  WHERE project = $1`;

/** Records the end of a check, and its findings. $1: their numbers by kind, as JSON. */
export const RECORD_CHECK = `
  INSERT INTO last_check (findings) VALUES ($1::jsonb)
  ON CONFLICT ("only") DO UPDATE SET findings = excluded.findings, ended_at = clock_timestamp()`;

/** The last check, and the seconds since its end. */
export const LAST_CHECK = `
  SELECT findings, extract(epoch FROM clock_timestamp() - ended_at)::float8 AS age FROM last_check`;
