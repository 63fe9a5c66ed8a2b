#!/usr/bin/env node
/**
 * Fills an empty, migrated database with a catalogue to measure on, the same one every time:
 *
 *     node tools/bench/catalogue.mjs postgresql://… 1000000
 *
 * A million images take less than a minute, indexes included. What lists are measured by keeps its size
 * whatever the catalogue's, so that only the catalogue grows:
 *
 *     owners       PROJECTS.large has 200,000 images (a fifth of a smaller catalogue), PROJECTS.few some 20,
 *                  PROJECTS.none none; all others some 20 each
 *     visibility   30 % public, 5 % community, 15 % shared, 50 % private, for every owner
 *     hidden       2 %; deleted: 3 %
 *     shares       PROJECTS.member accepted 50,000 images (a twentieth of a smaller catalogue) and owns none;
 *                  half of the shared images have a share with another project, a third of these accepted
 *     time         an image a second, the newest at NEWEST, in no order of the table; 1 % were changed at some
 *                  later time, the last 40 of these after CHANGED
 *     status       95 % active; 1 % each queued, saving, killed, deactivated, pending_delete
 *     names        10 % `snapshot`, none of these public; 30 % one of twenty distributions' (`ubuntu-24.04` …);
 *                  1 % none; all others their own, such as `server-123456 backup`
 *     minDisk      half 0, else one of 1, 5, 10, 20; minRam: half 0, else one of 64, 512, 2048
 *     properties   `architecture` x86_64 90 %, aarch64 10 %; `os_distro` as the name has it, 30 %;
 *                  `release` one of 200 values, 0.5 % each; `image_type` snapshot and `instance_uuid`, its own,
 *                  on those named `snapshot`; `era` old on the oldest fifth, none elsewhere
 *     rare         40 images, evenly over time and of every visibility: name `rare needle`, status `importing`,
 *                  minDisk 77, minRam 777, property `rare` needle
 */
import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import pg from 'pg';

function md5(text) {
  return createHash('md5').update(text).digest('hex');
}

/** The projects that lists are measured for, by id. */
export const PROJECTS = {
  large: md5('project large'),
  few: md5('project 1'),
  member: md5('project member'),
  none: md5('project none'),
};

/** When the newest image was created. */
export const NEWEST = '2026-11-01T00:00:00Z';

/** Forty images were changed later than this. */
export const CHANGED = '2026-11-02T00:00:00Z';

/** The id of an image, by its number from 1 on. */
export function imageId(number) {
  return md5(`image ${number}`).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** $1: how many images; $2: one in how many is of the large owner's; the rest are constants from above. */
const IMAGES = `
  INSERT INTO images (id, name, status, visibility, hidden, owner, protected, size, min_disk, min_ram,
                      properties, created_at, updated_at, deleted_at)
  SELECT md5('image ' || n)::uuid,
         CASE WHEN rare THEN 'rare needle'
              WHEN snapshot THEN 'snapshot'
              WHEN distro IS NOT NULL THEN distro || '-' || (name_dice % 2 * 2 + 22) || '.04'
              WHEN name_dice < 1010 AND name_dice >= 1000 THEN NULL
              ELSE 'server-' || n || ' backup' END,
         CASE WHEN deleted THEN 'deleted' WHEN rare THEN 'importing'
              WHEN status_dice < 50
              THEN (ARRAY['queued', 'saving', 'killed', 'deactivated', 'pending_delete'])[status_dice % 5 + 1]
              ELSE 'active' END,
         visibility, NOT rare AND dice(n, 1, 1000) < 20,
         CASE WHEN n % $2 = 0 THEN $3 ELSE md5('project ' || 1 + dice(n, 2, greatest($1 / 20, 1))) END,
         dice(n, 3, 10) = 0, dice(n, 4, 10000) * 1048576,
         CASE WHEN rare THEN 77 WHEN dice(n, 5, 2) = 0 THEN 0 ELSE (ARRAY[1, 5, 10, 20])[dice(n, 6, 4) + 1] END,
         CASE WHEN rare THEN 777 WHEN dice(n, 7, 2) = 0 THEN 0 ELSE (ARRAY[64, 512, 2048])[dice(n, 8, 3) + 1] END,
         jsonb_strip_nulls(jsonb_build_object(
           'architecture', CASE WHEN dice(n, 9, 10) = 0 THEN 'aarch64' ELSE 'x86_64' END,
           'os_distro', distro,
           'release', 'r' || dice(n, 10, 200),
           'image_type', CASE WHEN snapshot THEN 'snapshot' END,
           'instance_uuid', CASE WHEN snapshot THEN md5('server ' || n)::uuid END,
           'era', CASE WHEN age >= $1 - $1 / 5 THEN 'old' END,
           'rare', CASE WHEN rare THEN 'needle' END)),
         created_at,
         CASE WHEN age % greatest($1 / 40, 1) = 1 THEN $5::timestamptz + age * interval '1 millisecond'
              WHEN dice(n, 11, 100) = 0 THEN created_at + ($4::timestamptz - created_at) * dice(n, 12, 1000) / 1000
              ELSE created_at + interval '90 seconds' END,
         CASE WHEN deleted THEN $4::timestamptz END
  FROM (
    SELECT *, dice(n, 13, 1000) AS status_dice, NOT rare AND dice(n, 14, 100) < 3 AS deleted,
           NOT rare AND visibility <> 'public' AND name_dice < 143 AS snapshot,
           CASE WHEN NOT rare AND name_dice >= 200 AND name_dice < 500
                THEN (ARRAY['ubuntu', 'debian', 'fedora', 'rocky', 'alma', 'arch', 'gentoo', 'opensuse',
                            'cirros', 'windows'])[name_dice / 2 % 10 + 1] END AS distro,
           $4::timestamptz - age * interval '1 second' AS created_at
    FROM (
      SELECT n, n * 2654435761 % $1 AS age, dice(n, 15, 1010) AS name_dice,
             n * 2654435761 % $1 % greatest($1 / 40, 1) = $1 / 80 AS rare,
             CASE WHEN visibility_dice < 30 THEN 'public' WHEN visibility_dice < 35 THEN 'community'
                  WHEN visibility_dice < 50 THEN 'shared' ELSE 'private' END AS visibility
      FROM (SELECT n, dice(n, 16, 100) AS visibility_dice FROM generate_series(1, $1::bigint) AS n) AS numbered
    ) AS placed
  ) AS images`;

/** Shares of PROJECTS.member ($2), evenly over the shared images: $1 of them, at most all. */
const ACCEPTED = `
  INSERT INTO members (image_id, member, status)
  SELECT id, $2, 'accepted'
  FROM (SELECT id, row_number() OVER (ORDER BY id) AS n, count(*) OVER () AS all_shared FROM images
        WHERE visibility = 'shared' AND NOT hidden AND deleted_at IS NULL) AS shared
  WHERE n * $1::bigint % all_shared < $1`;

/** Shares of all other projects. */
const OTHERS = `
  INSERT INTO members (image_id, member, status)
  SELECT id, md5('project ' || 1 + dice(version, 17, greatest($1::bigint / 20, 1))),
         (ARRAY['pending', 'accepted', 'rejected'])[dice(version, 18, 3) + 1]
  FROM images WHERE visibility = 'shared' AND version % 2 = 0`;

/** What a trigger would write while images are loaded, at once. */
const PROPERTIES = `
  ALTER TABLE image_properties DROP CONSTRAINT image_properties_pkey;
  INSERT INTO image_properties (hash, created_at, image_id)
  SELECT DISTINCT hash, created_at, id
  FROM images, image_property_hashes(owner, visibility, hidden, deleted_at, properties) AS hash;
  ALTER TABLE image_properties ADD CONSTRAINT image_properties_pkey PRIMARY KEY (hash, created_at, image_id)`;

/** A number below a limit, by chance and yet always the same. */
const DICE = `
  CREATE FUNCTION pg_temp.dice(n bigint, seed bigint, below bigint) RETURNS bigint IMMUTABLE LANGUAGE sql
  RETURN (hashint8extended(n, seed) & 9007199254740991) % below`;

/**
 * Fills a catalogue: without its indexes, which are made anew afterwards.
 *
 * @param {pg.ClientBase} client of a migrated database without images, whose owner it is
 * @param {number} count how many images
 */
export async function fillCatalogue(client, count) {
  const { rows: indexes } = await client.query(`
    SELECT format('%I.%I', schemaname, indexname) AS name, indexdef AS definition FROM pg_indexes
    WHERE tablename IN ('images', 'members') AND indexname NOT LIKE '%\\_pkey'`);
  await client.query('DROP FUNCTION IF EXISTS pg_temp.dice');
  await client.query(DICE);
  for (const { name } of indexes) await client.query(`DROP INDEX ${name}`);
  await client.query('ALTER TABLE images DISABLE TRIGGER image_properties_inserted');
  const inTemp = (statement) => statement.replaceAll('dice(', 'pg_temp.dice(');
  const large = Math.max(Math.floor(count / 200_000), 5);
  await client.query(inTemp(IMAGES), [count, large, PROJECTS.large, NEWEST, CHANGED]);
  await client.query(ACCEPTED, [Math.min(50_000, Math.ceil(count / 20)), PROJECTS.member]);
  await client.query(inTemp(OTHERS), [count]);
  await client.query('ALTER TABLE images ENABLE TRIGGER image_properties_inserted');
  await client.query(`SET maintenance_work_mem = '512MB'`);
  await client.query(PROPERTIES);
  for (const { definition } of indexes) await client.query(definition);
  // Statistics, and the visibility map of a catalogue at rest.
  await client.query('VACUUM (ANALYZE) images');
  await client.query('VACUUM (ANALYZE) members');
  await client.query('VACUUM (ANALYZE) image_properties');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , connectionString, count] = process.argv;
  const client = new pg.Client({ connectionString });
  await client.connect();
  await fillCatalogue(client, Number(count));
  await client.end();
}
