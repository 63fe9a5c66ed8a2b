-- attempt 1: scan 0 up to 1000
-- [25]
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
          SELECT image.id, image.created_at, {columns}, 0 AS branch, image.count > 1000 AS truncated
          FROM (
            SELECT image.id, image.created_at, {columns}, row_number() OVER (ORDER BY image.created_at DESC, image.id DESC) AS count FROM images image
            WHERE image.visibility = 'public' AND true AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed'
            ORDER BY image.created_at DESC, image.id DESC LIMIT 1001) image
          WHERE image.count > 1000 OR true
          ORDER BY created_at DESC, id DESC)) merged
      ORDER BY created_at DESC, id DESC LIMIT $1::bigint) page OFFSET 0
  ) page
) page
WHERE before IS NULL OR before < 4194304
ORDER BY created_at DESC, id DESC;
