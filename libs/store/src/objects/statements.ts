/*
 * The statements of image data. Each is one statement that locks the image first and its object second, and no part
 * of it that writes is left unreferenced: such a part would run after the rest, and deadlock with another statement.
 */

/** The status of an image, and that it changed. */
export const changeTo = (status: string): string =>
  `status = ${status}, version = nextval('images_version_seq'), updated_at = clock_timestamp()`;

/** The name of the first store of the catalogue; null while no store has a name. */
export const FIRST_STORE = '(SELECT first_store FROM catalogue_id)';

/** Whether an object is in a store. Null, for both: the first store of the catalogue. */
export const inStore = (object: string, store: string): string =>
  `coalesce(${object}.store, ${FIRST_STORE}) IS NOT DISTINCT FROM coalesce(${store}::text, ${FIRST_STORE})`;

/** The locations of an image whose only store is this one; unchanged where stores have no names. */
export const shownIn = (store: string): string =>
  `locations = CASE WHEN ${store} IS NULL THEN locations
                    ELSE coalesce(locations, '{}') || jsonb_build_object('stores', ${store}) END`;

/**
 * The bytes that are reserved for an object, of a common table expression `found` with its `project`: as many as
 * wanted, or what the quota leaves. It locks the usage of the project first, and so counts after all others.
 *
 * Objects without a project have no quota.
 */
export const GRANTED = (wanted: string, quota: string): string => `
  used AS (
    INSERT INTO project_usage AS usage (project, bytes) SELECT project, 0 FROM found WHERE project IS NOT NULL
    ON CONFLICT (project) DO UPDATE SET bytes = usage.bytes
    RETURNING bytes
  ), granted AS (
    SELECT found.*, ${quota}::bigint - used.bytes AS remaining,
           least(${wanted}::bigint, ${quota}::bigint - used.bytes) AS bytes
    FROM found LEFT JOIN used ON true
  )`;

/**
 * Begins an upload of an image that waits for data. No row: it waits for none; no `bytes`: the quota does not have
 * the least.
 *
 * $1: the image's id; $2: the upload's; $3: the image's status meanwhile; $4: the bytes to reserve, and $5: the least;
 * $6: the quota of the project, or null; $7: the store, or null. Served by the primary keys of `images` and
 * `project_usage`.
 */
export const BEGIN_UPLOAD = `
  WITH found AS (
    SELECT id, owner AS project FROM images WHERE id = $1 AND status = 'queued' AND deleted_at IS NULL
    FOR NO KEY UPDATE
  ), ${GRANTED('$4', '$6')}, begun AS (
    UPDATE images SET ${changeTo('$3')}, upload = $2
    FROM granted WHERE images.id = granted.id AND granted.bytes >= $5
    RETURNING images.id, granted.project, granted.bytes
  ), object AS (
    INSERT INTO image_objects (id, image_id, project, bytes, store)
    SELECT $2, id, project, bytes, $7 FROM begun RETURNING bytes
  )
  SELECT remaining, object.bytes FROM granted LEFT JOIN object ON true`;

/**
 * Reserves more bytes for an object. No row: the object is not to be written any more; no `bytes`: the quota has none
 * left.
 *
 * $1: the upload's id; $2: the bytes to reserve; $3: the quota of the project.
 */
export const RESERVE = `
  WITH found AS (
    SELECT id, project FROM image_objects WHERE id = $1 AND state = 'writing' FOR NO KEY UPDATE
  ), ${GRANTED('$2', '$3')}, reserved AS (
    UPDATE image_objects SET bytes = image_objects.bytes + granted.bytes, beat = beat + 1
    FROM granted WHERE image_objects.id = granted.id AND granted.bytes > 0
    RETURNING image_objects.bytes
  )
  SELECT remaining, reserved.bytes FROM granted LEFT JOIN reserved ON true`;

/** Shows that the writer of an object lives. No row: the object is not to be written any more. */
export const BEAT = `UPDATE image_objects SET beat = beat + 1 WHERE id = $1 AND state = 'writing' RETURNING id`;

/**
 * Makes an image active, with the data that was written. No row: the image does not wait for this upload.
 *
 * $1: the image's id; $2: the upload's; $3: bytes; $4: MD5; $5: SHA-512; $6: bytes of the disk; $7: the store, or null.
 */
export const ACTIVATE = `
  WITH active AS (
    UPDATE images SET ${changeTo("'active'")}, upload = NULL, size = $3, checksum = $4,
                      hash_algorithm = 'sha512', hash_value = $5, virtual_size = $6,
                      ${shownIn('$7::text')}
    WHERE id = $1 AND status = 'saving' AND upload = $2 AND deleted_at IS NULL
    RETURNING id
  )
  UPDATE image_objects SET state = 'live', bytes = $3
  WHERE id = $2 AND state = 'writing' AND EXISTS (SELECT FROM active)
  RETURNING id`;

/**
 * Keeps staged data until its image is imported. No row: the image does not wait for it. From then on the image names
 * no upload, so that this one cannot be given up any more.
 *
 * The parameters are those of {@link ACTIVATE}, without the store.
 */
export const STAGE = `
  WITH staged AS (
    UPDATE images SET upload = NULL, size = $3, version = nextval('images_version_seq'),
                      updated_at = clock_timestamp()
    WHERE id = $1 AND status = 'uploading' AND upload = $2 AND deleted_at IS NULL
    RETURNING id
  )
  UPDATE image_objects SET state = 'staged', bytes = $3, checksum = $4, hash_value = $5, virtual_size = $6
  WHERE id = $2 AND state = 'writing' AND EXISTS (SELECT FROM staged)
  RETURNING id`;

/** Gives up an upload: the image waits for data again. $1: the image's id; $2: the upload's. */
export const GIVE_UP = `
  WITH queued AS (
    UPDATE images SET ${changeTo("'queued'")}, upload = NULL
    WHERE id = $1 AND status IN ('saving', 'uploading') AND upload = $2 AND deleted_at IS NULL
    RETURNING id
  )
  UPDATE image_objects SET state = 'doomed'
  WHERE id = $2 AND state = 'writing' AND (SELECT count(*) FROM queued) >= 0
  RETURNING id`;

/** The state of an object by its id. */
export const STATE = 'SELECT state FROM image_objects WHERE id = $1';

/**
 * The data of an image, in the order of stores; no `place`: in a store that is none of these. $1: the image's id; $2: the
 * stores. Served by `image_objects_image_id_idx`.
 */
export const LIVE_OBJECTS = `
  SELECT object.id, object.bytes, wanted.place::integer
  FROM image_objects AS object
    LEFT JOIN unnest($2::text[]) WITH ORDINALITY AS wanted (store, place) ON ${inStore('object', 'wanted.store')}
  WHERE image_id = $1 AND state = 'live' ORDER BY wanted.place`;

/** The objects that are being written. Served by `image_objects_writing`. */
export const WRITING = `
  SELECT id, image_id AS image, store, import_id AS "importId", beat FROM image_objects WHERE state = 'writing'`;

const TO_DELETE = `state = 'doomed' AND (swept_at IS NULL OR swept_at < clock_timestamp() - interval '1 day')`;

/**
 * Objects of a store whose bytes are to be deleted, for the first or the second time. $1: the store. Served by
 * `image_objects_doomed`.
 */
export const DOOMED = `
  SELECT id FROM image_objects AS object WHERE ${TO_DELETE} AND ${inStore('object', '$1')}
  ORDER BY swept_at NULLS FIRST LIMIT 100`;

/** How many these are, up to a bound. $1: the store. Served by `image_objects_doomed`. */
export const COUNT_DOOMED = `
  SELECT count(*)::int AS count FROM (
    SELECT FROM image_objects AS object WHERE ${TO_DELETE} AND ${inStore('object', '$1')} LIMIT 10000
  ) AS doomed`;

/**
 * Notes that the bytes of a doomed object were deleted. After the second time the row goes; $1: the object's id. A
 * writer may have been asleep the first time.
 */
export const SWEPT = `
  WITH gone AS (
    DELETE FROM image_objects
    WHERE id = $1 AND state = 'doomed' AND swept_at < clock_timestamp() - interval '1 day'
    RETURNING id
  )
  UPDATE image_objects SET swept_at = clock_timestamp()
  WHERE id = $1 AND state = 'doomed' AND swept_at IS NULL AND NOT EXISTS (SELECT FROM gone)`;

/** The id of the catalogue, which gets one when it is first needed, and the name of its first store. */
export const CATALOGUE_ID = `
  INSERT INTO catalogue_id (id) VALUES (gen_random_uuid()) ON CONFLICT ("only") DO UPDATE SET "only" = true
  RETURNING id, first_store AS "firstStore"`;

/** Names the first store of the catalogue, if it has no name yet. $1: the name. */
export const NAME_FIRST_STORE = 'UPDATE catalogue_id SET first_store = $1 WHERE first_store IS NULL';

/**
 * Names the store of objects without one, and of their images: only the first store has such objects. Others are named
 * when they become the data of an image.
 *
 * $1: the object after which they begin; $2: how many at most. Served by the primary key of `image_objects`.
 */
export const NAME_STORES = `
  WITH found AS (
    SELECT id, image_id, ${FIRST_STORE} AS store FROM image_objects
    WHERE id > $1 AND store IS NULL AND state = 'live' AND ${FIRST_STORE} IS NOT NULL ORDER BY id LIMIT $2
  ), shown AS (
    UPDATE images SET ${shownIn('found.store')}, version = nextval('images_version_seq')
    FROM found WHERE images.id = found.image_id RETURNING images.id
  ), named AS (
    UPDATE image_objects SET store = found.store
    FROM found WHERE image_objects.id = found.id AND (SELECT count(*) FROM shown) >= 0
    RETURNING image_objects.id
  )
  SELECT id, image_id AS image FROM found WHERE (SELECT count(*) FROM named) >= 0 ORDER BY id`;

/** Whether a store has objects whose bytes are needed, or may be. $1: the store. */
export const HAS_OBJECTS = `SELECT EXISTS (SELECT FROM image_objects AS object WHERE ${inStore('object', '$1')}) AS found`;
