-- attempt 1: scan 0 up to 200, scan 0 up to 200, scan 0 up to 200, scan 0 up to 200, scan 0 up to 200
-- [25,[10],[512],"project"]
SELECT version, id, shown_id AS "shownId", name, status, visibility, hidden, owner, protected, size, min_disk AS "minDisk", min_ram AS "minRam", disk_format AS "diskFormat", container_format AS "containerFormat", checksum, hash_algorithm AS "hashAlgorithm", hash_value AS "hashValue", virtual_size AS "virtualSize", tags, locations, properties::text AS properties, created_at AS "createdAt", updated_at AS "updatedAt", members, branch, truncated, followed
FROM (
  SELECT page.*, lead(page.id) OVER (ORDER BY created_at DESC, id DESC) IS NOT NULL AS followed,
  sum(octet_length(properties::text) + octet_length(tags::text) + coalesce(octet_length(locations::text), 0)
    + coalesce(octet_length(members::text), 0)) OVER (
    ORDER BY created_at DESC, id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM (
    SELECT page.*, CASE WHEN visibility = 'shared' THEN (
      SELECT jsonb_agg(jsonb_build_object('member', member, 'status', share.status))
      FROM members share WHERE share.image_id = page.id
    ) END AS members
    FROM (SELECT * FROM ((
          SELECT image.id, image.created_at, {columns}, 0 AS branch, image.count > 200 AS truncated
          FROM (
            SELECT image.*, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count FROM ((
                SELECT image.id, image.created_at, {columns} FROM images image
                WHERE image.visibility = 'public' AND image.min_disk = ($2::integer[])[1] AND image.min_disk <> 0
                AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
                ORDER BY image.created_at DESC, image.id DESC LIMIT 201)) image ORDER BY image.created_at DESC, image.id DESC LIMIT 201) image
          WHERE image.count > 200 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 1 AS branch, image.count > 200 AS truncated
          FROM (
            SELECT place.id, place.created_at, {columns}, place.count FROM (
              SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
              image.updated_at, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count
              FROM images image
              WHERE image.visibility = 'community' AND image.owner = $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
              ORDER BY image.created_at DESC, image.id DESC LIMIT 201
            ) place JOIN images image ON image.id = place.id
            WHERE place.count = 201 OR place.min_disk = ANY($2::integer[]) AND place.min_ram = ANY($3::integer[])
            ORDER BY place.created_at DESC, place.id DESC) image
          WHERE image.count > 200 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 2 AS branch, image.count > 200 AS truncated
          FROM (
            SELECT place.id, place.created_at, {columns}, place.count FROM (
              SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
              image.updated_at, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count
              FROM images image
              WHERE image.visibility = 'shared' AND image.owner = $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
              ORDER BY image.created_at DESC, image.id DESC LIMIT 201
            ) place JOIN images image ON image.id = place.id
            WHERE place.count = 201 OR place.min_disk = ANY($2::integer[]) AND place.min_ram = ANY($3::integer[])
            ORDER BY place.created_at DESC, place.id DESC) image
          WHERE image.count > 200 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 3 AS branch, image.count > 200 AS truncated
          FROM (
            SELECT place.id, place.created_at, {columns}, place.count FROM (
              SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
              image.updated_at, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count
              FROM images image
              WHERE image.visibility = 'private' AND image.owner = $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
              ORDER BY image.created_at DESC, image.id DESC LIMIT 201
            ) place JOIN images image ON image.id = place.id
            WHERE place.count = 201 OR place.min_disk = ANY($2::integer[]) AND place.min_ram = ANY($3::integer[])
            ORDER BY place.created_at DESC, place.id DESC) image
          WHERE image.count > 200 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 4 AS branch, image.count > 200 AS truncated
          FROM (
            SELECT place.image_id AS id, place.created_at, {columns}, place.count FROM (
              SELECT place.image_id, place.created_at, row_number() OVER (ORDER BY place.created_at DESC, place.image_id DESC) AS count FROM members place
              WHERE place.member = $4 AND place.status = 'accepted'
              ORDER BY place.created_at DESC, place.image_id DESC LIMIT 201
            ) place JOIN images image ON image.id = place.image_id
            WHERE place.count = 201 OR true
            ORDER BY place.created_at DESC, place.image_id DESC) image
          WHERE image.count > 200 OR image.visibility = 'shared' AND image.owner IS DISTINCT FROM $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC)) merged
      ORDER BY created_at DESC, id DESC LIMIT $1::bigint) page OFFSET 0
  ) page
) page
WHERE before IS NULL OR before < 4194304
ORDER BY created_at DESC, id DESC;

-- attempt 2: scan 1 up to 2000, scan 0 up to 20000, scan 0 up to 20000, scan 0 up to 20000, scan 0 up to 20000
-- [25,[10],[512],"project"]
SELECT version, id, shown_id AS "shownId", name, status, visibility, hidden, owner, protected, size, min_disk AS "minDisk", min_ram AS "minRam", disk_format AS "diskFormat", container_format AS "containerFormat", checksum, hash_algorithm AS "hashAlgorithm", hash_value AS "hashValue", virtual_size AS "virtualSize", tags, locations, properties::text AS properties, created_at AS "createdAt", updated_at AS "updatedAt", members, branch, truncated, followed
FROM (
  SELECT page.*, lead(page.id) OVER (ORDER BY created_at DESC, id DESC) IS NOT NULL AS followed,
  sum(octet_length(properties::text) + octet_length(tags::text) + coalesce(octet_length(locations::text), 0)
    + coalesce(octet_length(members::text), 0)) OVER (
    ORDER BY created_at DESC, id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM (
    SELECT page.*, CASE WHEN visibility = 'shared' THEN (
      SELECT jsonb_agg(jsonb_build_object('member', member, 'status', share.status))
      FROM members share WHERE share.image_id = page.id
    ) END AS members
    FROM (SELECT * FROM ((
          SELECT image.id, image.created_at, {columns}, 0 AS branch, image.count > 2000 AS truncated
          FROM (
            SELECT image.*, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count FROM ((
                SELECT image.id, image.created_at, {columns} FROM images image
                WHERE image.visibility = 'public' AND image.min_ram = ($3::integer[])[1] AND image.min_ram <> 0
                AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
                ORDER BY image.created_at DESC, image.id DESC LIMIT 2001)) image ORDER BY image.created_at DESC, image.id DESC LIMIT 2001) image
          WHERE image.count > 2000 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 1 AS branch, image.count > 20000 AS truncated
          FROM (
            SELECT place.id, place.created_at, {columns}, place.count FROM (
              SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
              image.updated_at, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count
              FROM images image
              WHERE image.visibility = 'community' AND image.owner = $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
              ORDER BY image.created_at DESC, image.id DESC LIMIT 20001
            ) place JOIN images image ON image.id = place.id
            WHERE place.count = 20001 OR place.min_disk = ANY($2::integer[]) AND place.min_ram = ANY($3::integer[])
            ORDER BY place.created_at DESC, place.id DESC) image
          WHERE image.count > 20000 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 2 AS branch, image.count > 20000 AS truncated
          FROM (
            SELECT place.id, place.created_at, {columns}, place.count FROM (
              SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
              image.updated_at, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count
              FROM images image
              WHERE image.visibility = 'shared' AND image.owner = $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
              ORDER BY image.created_at DESC, image.id DESC LIMIT 20001
            ) place JOIN images image ON image.id = place.id
            WHERE place.count = 20001 OR place.min_disk = ANY($2::integer[]) AND place.min_ram = ANY($3::integer[])
            ORDER BY place.created_at DESC, place.id DESC) image
          WHERE image.count > 20000 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 3 AS branch, image.count > 20000 AS truncated
          FROM (
            SELECT place.id, place.created_at, {columns}, place.count FROM (
              SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
              image.updated_at, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count
              FROM images image
              WHERE image.visibility = 'private' AND image.owner = $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
              ORDER BY image.created_at DESC, image.id DESC LIMIT 20001
            ) place JOIN images image ON image.id = place.id
            WHERE place.count = 20001 OR place.min_disk = ANY($2::integer[]) AND place.min_ram = ANY($3::integer[])
            ORDER BY place.created_at DESC, place.id DESC) image
          WHERE image.count > 20000 OR true AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC) UNION ALL (
          SELECT image.id, image.created_at, {columns}, 4 AS branch, image.count > 20000 AS truncated
          FROM (
            SELECT place.image_id AS id, place.created_at, {columns}, place.count FROM (
              SELECT place.image_id, place.created_at, row_number() OVER (ORDER BY place.created_at DESC, place.image_id DESC) AS count FROM members place
              WHERE place.member = $4 AND place.status = 'accepted'
              ORDER BY place.created_at DESC, place.image_id DESC LIMIT 20001
            ) place JOIN images image ON image.id = place.image_id
            WHERE place.count = 20001 OR true
            ORDER BY place.created_at DESC, place.image_id DESC) image
          WHERE image.count > 20000 OR image.visibility = 'shared' AND image.owner IS DISTINCT FROM $4 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND image.min_disk = ANY($2::integer[]) AND image.min_ram = ANY($3::integer[])
          ORDER BY created_at DESC, id DESC)) merged
      ORDER BY created_at DESC, id DESC LIMIT $1::bigint) page OFFSET 0
  ) page
) page
WHERE before IS NULL OR before < 4194304
ORDER BY created_at DESC, id DESC;
