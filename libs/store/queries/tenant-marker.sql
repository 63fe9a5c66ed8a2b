-- ["70a599e0-31e7-49b7-b260-868f441e862b","project"]
SELECT image.created_at, image.id FROM images image WHERE image.id = $1 AND (image.owner IS NULL OR image.visibility IN ('public', 'community') OR image.owner = $2 OR image.visibility = 'shared' AND EXISTS (
    SELECT FROM members member WHERE member.image_id = image.id AND member.member = $2));
