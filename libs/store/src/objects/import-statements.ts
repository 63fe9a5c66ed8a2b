import { FIRST_STORE, GRANTED, changeTo, inStore, shownIn } from './statements.js';

/*
 * The statements of imports that copy data to stores. Until an import ends, it is the upload of its image, and at least
 * one object of it is `writing`: by the beat of these a writer that died is found. The properties are those of Glance,
 * which clients wait for; nothing depends on them.
 */

const TASK = 'os_glance_import_task';
const IMPORTING = 'os_glance_importing_to_stores';
const FAILED = 'os_glance_failed_import';

/** The properties of an image whose import has ended before it was settled. */
export const endedImport = (properties: string): string =>
  `CASE WHEN ${properties} ? '${TASK}' THEN (${properties} - '${TASK}') || '{"${IMPORTING}": ""}' ELSE ${properties} END`;

/** The names of a property that lists stores. */
const listOf = (property: string): string =>
  `string_to_array(coalesce(properties ->> '${property}', ''), ',')`;

/** A list without some names, as text. */
const without = (list: string, names: string): string =>
  `array_to_string(ARRAY(SELECT name FROM unnest(${list}) AS name WHERE name <> '' AND name <> ALL(${names})), ',')`;

/** A list of names as text, in an order that clients can rely on. */
const sorted = (list: string): string =>
  `array_to_string(ARRAY(SELECT name FROM unnest(${list}) AS name WHERE name <> '' ORDER BY name COLLATE "C"), ',')`;

const STORES = "string_to_array(locations ->> 'stores', ',')";

/**
 * Makes an image active with its staged data, as an import that is complete at once. No row: it has none. The two
 * properties are those that Glance leaves behind an import, which clients wait for.
 *
 * $1: the image's id; $2: the import's; $3: the name of the store of objects without one, or null where stores have no
 * names; $4: the store of the import; $5 to $8: the project, the user, the id and the body of the request. Served by
 * `image_objects_image_id_idx`.
 */
export const IMPORT_STAGED = `
  WITH staged AS (
    SELECT id, image_id, bytes, checksum, hash_value, virtual_size,
           CASE WHEN $3::text IS NOT NULL THEN coalesce(store, ${FIRST_STORE}, $3) END AS store
    FROM image_objects WHERE image_id = $1 AND state = 'staged'
  ), active AS (
    UPDATE images SET ${changeTo("'active'")}, size = staged.bytes, checksum = staged.checksum,
                      hash_algorithm = 'sha512', hash_value = staged.hash_value,
                      virtual_size = staged.virtual_size, ${shownIn('staged.store')},
                      properties = properties || '{"${IMPORTING}": "", "${FAILED}": ""}'
    FROM staged
    WHERE images.id = staged.image_id AND status = 'uploading' AND upload IS NULL AND deleted_at IS NULL
    RETURNING images.id, staged.bytes
  ), import AS (
    INSERT INTO image_imports (id, image_id, bytes, stores, project, user_id, request_id, request, ended_at)
    SELECT $2::uuid, id, bytes, ARRAY[$4::text], $5::text, $6::text, $7::text, $8::jsonb, clock_timestamp()
    FROM active
    RETURNING id
  )
  UPDATE image_objects SET state = 'live', store = coalesce((SELECT store FROM staged), store)
  WHERE id = (SELECT id FROM staged) AND state = 'staged' AND EXISTS (SELECT FROM import)
  RETURNING id`;

/**
 * Begins an import, unless the image has another one or a store has its data. No row: it cannot begin; not `begun`: the
 * quota has too few bytes left.
 *
 * $1: the image's id; $2: the import's; $3: the ids of the objects to write, $4: their stores, $5: the bytes to reserve
 * for each; $6: the quota of the project, or null; $7: the status that the image must have; $8: the stores to import to;
 * $9: the bytes of the data; $10 to $13: the project, the user, the id and the body of the request. Served by the primary
 * keys of `images` and `project_usage`.
 */
export const BEGIN_IMPORT = `
  WITH found AS (
    SELECT id, owner AS project FROM images
    WHERE id = $1 AND status = $7::text AND upload IS NULL AND deleted_at IS NULL
      AND NOT coalesce(${STORES}, '{}') && $8::text[]
    FOR NO KEY UPDATE
  ), wanted AS (
    SELECT coalesce(sum(bytes), 0)::bigint AS bytes FROM unnest($5::bigint[]) AS bytes
  ), ${GRANTED('(SELECT bytes FROM wanted)', '$6')}, begun AS (
    UPDATE images SET
      status = CASE status WHEN 'uploading' THEN 'importing' ELSE status END,
      upload = $2::uuid, version = nextval('images_version_seq'),
      properties = properties || jsonb_build_object(
        '${TASK}', $2::uuid::text, '${IMPORTING}', array_to_string($8::text[], ','),
        '${FAILED}', ${without(listOf(FAILED), '$8::text[]')}
      )
    FROM granted WHERE images.id = granted.id AND granted.bytes >= (SELECT bytes FROM wanted)
    RETURNING images.id, granted.project
  ), objects AS (
    INSERT INTO image_objects (id, image_id, project, bytes, store, import_id)
    SELECT object.id, begun.id, begun.project, object.bytes, object.store, $2::uuid
    FROM begun, unnest($3::uuid[], $4::text[], $5::bigint[]) AS object (id, store, bytes)
    RETURNING id
  ), import AS (
    INSERT INTO image_imports (id, image_id, stores, bytes, project, user_id, request_id, request)
    SELECT $2::uuid, id, $8::text[], $9::bigint, $10::text, $11::text, $12::text, $13::jsonb FROM begun
    RETURNING id
  )
  SELECT remaining, (SELECT count(*) FROM objects) > 0 AND EXISTS (SELECT FROM import) AS begun FROM granted`;

/**
 * Shows that the writer of the objects of an import lives. No row: they are not to be written any more.
 *
 * $1: the image's id; $2: the import's. Served by `image_objects_image_id_idx`.
 */
export const BEAT_IMPORT = `
  UPDATE image_objects SET beat = beat + 1 WHERE image_id = $1 AND import_id = $2::uuid AND state = 'writing' RETURNING id`;

/**
 * Makes objects of an import the data of its image, notes stores that are done or failed, or ends the import: what is not
 * data of the image by then is doomed, and so is staged data, once the image is active. Without any data the image waits
 * for an import again, or for an upload if its staged data is dropped. No row: the image has no such import.
 *
 * $1: the image's id; $2: the import's; $3: the ids of the objects; $4: the stores that failed; $5: whether it ends; $6: the
 * bytes of the data; $7: the stores that are done; $8: whether staged data is dropped at the end in any case; $9: why the
 * import has failed, or null. Served by `image_objects_image_id_idx`.
 */
export const SETTLE_IMPORT = `
  WITH found AS (
    SELECT id, status, cardinality($3::uuid[]) > 0 OR status = 'active' AS is_active FROM images
    WHERE id = $1 AND upload = $2::uuid AND deleted_at IS NULL
    FOR NO KEY UPDATE
  ), staged AS (
    SELECT bytes, checksum, hash_value, virtual_size FROM image_objects WHERE image_id = $1 AND state = 'staged'
  ), live AS (
    UPDATE image_objects AS object SET state = 'live', bytes = $6::bigint, store = coalesce(object.store, ${FIRST_STORE})
    FROM found
    WHERE object.image_id = found.id AND object.id = ANY($3::uuid[]) AND object.state IN ('writing', 'staged')
    RETURNING object.id, object.store
  ), doomed AS (
    UPDATE image_objects AS object SET state = 'doomed'
    FROM found
    WHERE object.image_id = found.id AND $5::boolean AND object.id <> ALL($3::uuid[]) AND (
      object.import_id = $2::uuid AND object.state = 'writing' OR object.state = 'staged' AND (found.is_active OR $8::boolean)
    )
    RETURNING object.id
  ), ended AS (
    UPDATE image_imports SET ended_at = clock_timestamp(), failure = $9::text
    FROM found WHERE image_imports.id = $2::uuid AND $5::boolean AND ended_at IS NULL
    RETURNING image_imports.id
  ), settled AS (
    SELECT (SELECT array_agg(store::text) FROM live) AS stores,
           (SELECT count(*) FROM doomed) + (SELECT count(*) FROM ended) AS others
  ), activated AS (
    SELECT staged.*, found.id, settled.stores, coalesce(settled.stores, '{}') || $4::text[] || $7::text[] AS names,
           found.status = 'importing' AND found.is_active AS activates,
           found.status = 'importing' AND NOT found.is_active AND $5::boolean AS fails
    FROM found CROSS JOIN settled LEFT JOIN staged ON true WHERE settled.others >= 0
  )
  UPDATE images SET
    status = CASE WHEN activates THEN 'active' WHEN fails AND $8::boolean THEN 'queued' WHEN fails THEN 'uploading' ELSE status END,
    size = CASE WHEN activates THEN activated.bytes WHEN fails AND $8::boolean THEN NULL ELSE size END,
    checksum = CASE WHEN activates THEN activated.checksum ELSE images.checksum END,
    hash_algorithm = CASE WHEN activates THEN 'sha512' ELSE hash_algorithm END,
    hash_value = CASE WHEN activates THEN activated.hash_value ELSE images.hash_value END,
    virtual_size = CASE WHEN activates THEN activated.virtual_size ELSE images.virtual_size END,
    upload = CASE WHEN $5::boolean THEN NULL ELSE upload END,
    version = nextval('images_version_seq'),
    updated_at = CASE WHEN activates OR fails THEN clock_timestamp() ELSE updated_at END,
    locations = CASE WHEN activated.stores IS NULL THEN locations ELSE coalesce(locations, '{}') ||
      jsonb_build_object('stores', ${sorted(`coalesce(${STORES}, '{}') || activated.stores`)}) END,
    properties = (CASE WHEN $5::boolean THEN properties - '${TASK}' ELSE properties END) || jsonb_build_object(
      '${IMPORTING}', CASE WHEN $5::boolean THEN '' ELSE ${without(listOf(IMPORTING), 'activated.names')} END,
      '${FAILED}', ${without(`${listOf(FAILED)} || $4::text[]`, "'{}'::text[]")}
    )
  FROM activated WHERE images.id = activated.id
  RETURNING images.id`;

/**
 * Removes the data of an active image from one of its stores. No row: the store does not have it, or no other one.
 *
 * $1: the image's id; $2: the store. Served by `image_objects_image_id_idx`.
 */
export const DELETE_FROM_STORE = `
  WITH removed AS (
    UPDATE images SET ${changeTo('status')},
      locations = locations || jsonb_build_object('stores', array_to_string(array_remove(${STORES}, $2::text), ','))
    WHERE id = $1 AND status = 'active' AND deleted_at IS NULL AND $2::text = ANY(${STORES}) AND cardinality(${STORES}) > 1
    RETURNING id
  )
  UPDATE image_objects AS object SET state = 'doomed'
  WHERE image_id = $1 AND state = 'live' AND ${inStore('object', '$2')} AND EXISTS (SELECT FROM removed)
  RETURNING id`;

/** The data of an image that waits for an import. $1: the image's id. Served by `image_objects_image_id_idx`. */
export const STAGED_OBJECT = `
  SELECT id, coalesce(store, ${FIRST_STORE}) AS store, bytes, checksum, hash_value AS hash
  FROM image_objects WHERE image_id = $1 AND state = 'staged'`;

/** A time as Python writes it. */
const timeOf = (column: string): string =>
  `to_char((${column}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')`;

const KEPT = "interval '48 hours'";

/**
 * The imports of an image, in the order of their beginning. $1: the image's id. Served by `image_imports_image_id_idx`.
 */
export const IMPORTS_OF_IMAGE = `
  SELECT id, project, user_id AS "userId", request_id AS "requestId", request, stores, bytes, failure,
         ${timeOf('begun_at')} AS "begunAt", ${timeOf('ended_at')} AS "endedAt",
         ${timeOf(`ended_at + ${KEPT}`)} AS "expiresAt"
  FROM image_imports WHERE image_id = $1 AND (ended_at IS NULL OR ended_at > clock_timestamp() - ${KEPT})
  ORDER BY begun_at, id`;

/**
 * Deletes imports whose end is two days ago, and ends those whose image does not wait for them any more. Served by
 * `image_imports_ended_at_idx`.
 */
export const SWEEP_IMPORTS = `
  WITH expired AS (
    DELETE FROM image_imports WHERE ended_at <= clock_timestamp() - ${KEPT} RETURNING id
  )
  UPDATE image_imports SET ended_at = clock_timestamp(), failure = 'The import was interrupted.'
  WHERE ended_at IS NULL AND (SELECT count(*) FROM expired) >= 0 AND NOT EXISTS (
    SELECT FROM images WHERE images.id = image_id AND upload = image_imports.id AND deleted_at IS NULL
  )`;
