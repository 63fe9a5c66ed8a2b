-- [25,["debian"],"70a599e0-31e7-49b7-b260-868f441e862b","project","project"]
WITH marker AS MATERIALIZED (
  SELECT id, name, size, created_at FROM images image
  WHERE image.id = $3 AND (image.owner IS NULL OR image.visibility IN ('public', 'community') OR image.owner = $4 OR image.visibility = 'shared' AND EXISTS (
      SELECT FROM members member WHERE member.image_id = image.id AND member.member = $4)))
SELECT version, id, shown_id AS "shownId", name, status, visibility, hidden, owner, protected, size, min_disk AS "minDisk", min_ram AS "minRam", disk_format AS "diskFormat", container_format AS "containerFormat", checksum, hash_algorithm AS "hashAlgorithm", hash_value AS "hashValue", virtual_size AS "virtualSize", tags, locations, properties::text AS properties, created_at AS "createdAt", updated_at AS "updatedAt", members, branch, truncated, followed
FROM (
  SELECT page.*, lead(page.id) OVER (ORDER BY name COLLATE "C" ASC NULLS FIRST, size DESC NULLS LAST, created_at DESC, id DESC) IS NOT NULL AS followed,
  sum(octet_length(properties::text) + octet_length(tags::text) + coalesce(octet_length(locations::text), 0)
    + coalesce(octet_length(members::text), 0)) OVER (
    ORDER BY name COLLATE "C" ASC NULLS FIRST, size DESC NULLS LAST, created_at DESC, id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM (
    SELECT page.*, CASE WHEN visibility = 'shared' THEN (
      SELECT jsonb_agg(jsonb_build_object('member', member, 'status', share.status))
      FROM members share WHERE share.image_id = page.id
    ) END AS members
    FROM (
      SELECT image.id, image.created_at, {columns}, 0 AS branch, false AS truncated
      FROM (
        SELECT * FROM ((SELECT image.id, image.name, image.size, image.created_at FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'public' AND true AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true) image WHERE image.name = ANY($2::text[]) AND EXISTS (SELECT FROM marker) AND (image.name COLLATE "C" > (SELECT name FROM marker) OR (SELECT name FROM marker) IS NULL AND image.name COLLATE "C" IS NOT NULL OR image.name COLLATE "C" IS NOT DISTINCT FROM (SELECT name FROM marker) AND (image.size < (SELECT size FROM marker) OR image.size IS NULL AND (SELECT size FROM marker) IS NOT NULL OR image.size IS NOT DISTINCT FROM (SELECT size FROM marker) AND (image.created_at < (SELECT created_at FROM marker) OR image.created_at = (SELECT created_at FROM marker) AND (image.id < (SELECT id FROM marker)))))) UNION ALL (SELECT image.id, image.name, image.size, image.created_at FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'community' AND image.owner = $5 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true OFFSET 0) image WHERE image.name = ANY($2::text[]) AND EXISTS (SELECT FROM marker) AND (image.name COLLATE "C" > (SELECT name FROM marker) OR (SELECT name FROM marker) IS NULL AND image.name COLLATE "C" IS NOT NULL OR image.name COLLATE "C" IS NOT DISTINCT FROM (SELECT name FROM marker) AND (image.size < (SELECT size FROM marker) OR image.size IS NULL AND (SELECT size FROM marker) IS NOT NULL OR image.size IS NOT DISTINCT FROM (SELECT size FROM marker) AND (image.created_at < (SELECT created_at FROM marker) OR image.created_at = (SELECT created_at FROM marker) AND (image.id < (SELECT id FROM marker)))))) UNION ALL (SELECT image.id, image.name, image.size, image.created_at FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'shared' AND image.owner = $5 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true OFFSET 0) image WHERE image.name = ANY($2::text[]) AND EXISTS (SELECT FROM marker) AND (image.name COLLATE "C" > (SELECT name FROM marker) OR (SELECT name FROM marker) IS NULL AND image.name COLLATE "C" IS NOT NULL OR image.name COLLATE "C" IS NOT DISTINCT FROM (SELECT name FROM marker) AND (image.size < (SELECT size FROM marker) OR image.size IS NULL AND (SELECT size FROM marker) IS NOT NULL OR image.size IS NOT DISTINCT FROM (SELECT size FROM marker) AND (image.created_at < (SELECT created_at FROM marker) OR image.created_at = (SELECT created_at FROM marker) AND (image.id < (SELECT id FROM marker)))))) UNION ALL (SELECT image.id, image.name, image.size, image.created_at FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'private' AND image.owner = $5 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true OFFSET 0) image WHERE image.name = ANY($2::text[]) AND EXISTS (SELECT FROM marker) AND (image.name COLLATE "C" > (SELECT name FROM marker) OR (SELECT name FROM marker) IS NULL AND image.name COLLATE "C" IS NOT NULL OR image.name COLLATE "C" IS NOT DISTINCT FROM (SELECT name FROM marker) AND (image.size < (SELECT size FROM marker) OR image.size IS NULL AND (SELECT size FROM marker) IS NOT NULL OR image.size IS NOT DISTINCT FROM (SELECT size FROM marker) AND (image.created_at < (SELECT created_at FROM marker) OR image.created_at = (SELECT created_at FROM marker) AND (image.id < (SELECT id FROM marker)))))) UNION ALL (SELECT image.id, image.name, image.size, image.created_at FROM (
              SELECT image.* FROM members share JOIN images image ON image.id = share.image_id
              WHERE share.member = $5 AND share.status = 'accepted' AND image.visibility = 'shared' AND image.owner IS DISTINCT FROM $5 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true) image WHERE image.name = ANY($2::text[]) AND EXISTS (SELECT FROM marker) AND (image.name COLLATE "C" > (SELECT name FROM marker) OR (SELECT name FROM marker) IS NULL AND image.name COLLATE "C" IS NOT NULL OR image.name COLLATE "C" IS NOT DISTINCT FROM (SELECT name FROM marker) AND (image.size < (SELECT size FROM marker) OR image.size IS NULL AND (SELECT size FROM marker) IS NOT NULL OR image.size IS NOT DISTINCT FROM (SELECT size FROM marker) AND (image.created_at < (SELECT created_at FROM marker) OR image.created_at = (SELECT created_at FROM marker) AND (image.id < (SELECT id FROM marker)))))) OFFSET 0) listed
        ORDER BY name COLLATE "C" ASC NULLS FIRST, size DESC NULLS LAST, created_at DESC, id DESC LIMIT $1::bigint
      ) place JOIN images image ON image.id = place.id) page OFFSET 0
  ) page
) page
WHERE before IS NULL OR before < 4194304
ORDER BY name COLLATE "C" ASC NULLS FIRST, size DESC NULLS LAST, created_at DESC, id DESC;
