-- [25,"project"]
SELECT version, id, shown_id AS "shownId", name, status, visibility, hidden, owner, protected, size, min_disk AS "minDisk", min_ram AS "minRam", disk_format AS "diskFormat", container_format AS "containerFormat", checksum, hash_algorithm AS "hashAlgorithm", hash_value AS "hashValue", virtual_size AS "virtualSize", tags, locations, properties::text AS properties, created_at AS "createdAt", updated_at AS "updatedAt", members, branch, truncated, followed
FROM (
  SELECT page.*, lead(page.id) OVER (ORDER BY name COLLATE "C" ASC NULLS FIRST, id ASC) IS NOT NULL AS followed,
  sum(octet_length(properties::text) + octet_length(tags::text) + coalesce(octet_length(locations::text), 0)
    + coalesce(octet_length(members::text), 0)) OVER (
    ORDER BY name COLLATE "C" ASC NULLS FIRST, id ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
  FROM (
    SELECT page.*, CASE WHEN visibility = 'shared' THEN (
      SELECT jsonb_agg(jsonb_build_object('member', member, 'status', share.status))
      FROM members share WHERE share.image_id = page.id
    ) END AS members
    FROM (
      SELECT image.id, image.created_at, {columns}, 0 AS branch, false AS truncated
      FROM (
        SELECT * FROM ((SELECT image.id, image.name FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'public' AND true AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true) image) UNION ALL (SELECT image.id, image.name FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'community' AND image.owner = $2 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true OFFSET 0) image) UNION ALL (SELECT image.id, image.name FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'shared' AND image.owner = $2 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true OFFSET 0) image) UNION ALL (SELECT image.id, image.name FROM (
              SELECT image.* FROM images image
              WHERE image.visibility = 'private' AND image.owner = $2 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true OFFSET 0) image) UNION ALL (SELECT image.id, image.name FROM (
              SELECT image.* FROM members share JOIN images image ON image.id = share.image_id
              WHERE share.member = $2 AND share.status = 'accepted' AND image.visibility = 'shared' AND image.owner IS DISTINCT FROM $2 AND NOT image.hidden AND image.deleted_at IS NULL AND image.status <> 'killed' AND true) image) OFFSET 0) listed
        ORDER BY name COLLATE "C" ASC NULLS FIRST, id ASC LIMIT $1::bigint
      ) place JOIN images image ON image.id = place.id) page OFFSET 0
  ) page
) page
WHERE before IS NULL OR before < 4194304
ORDER BY name COLLATE "C" ASC NULLS FIRST, id ASC;
