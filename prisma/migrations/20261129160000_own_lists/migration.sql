-- Lists of what a project owns read indexes of its own images alone: how long they take tells nothing of what other
-- projects have. Readers go on meanwhile; writers wait.

-- A project's images in the order of lists, with what filters compare: an image that is not wanted is not read.
CREATE INDEX "images_owned_idx" ON "images" ("owner", "visibility", "created_at" DESC, "id" DESC)
    INCLUDE ("name", "status", "min_disk", "min_ram", "updated_at")
    WHERE "visibility" <> 'public' AND NOT "hidden" AND "deleted_at" IS NULL;

-- Parts of names among the images that everybody may list besides the public ones.
CREATE INDEX "images_community_names_idx" ON "images" USING GIN ("name" gin_trgm_ops)
    WITH (fastupdate = off) WHERE "visibility" = 'community';

-- An owner, a visibility, a name and a value as one number, made like property_hash.
CREATE FUNCTION "owned_property_hash"("owner" TEXT, "visibility" TEXT, "name" TEXT, "value" TEXT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended("value", hashtextextended("name", hashtextextended("owner", hashtextextended("visibility", 0))));

-- Those of an image, one among all images and one among its owner's; none where no list shows it. Public images
-- are listed for everybody, their owner included.
CREATE FUNCTION "image_property_hashes"("owner" TEXT, "visibility" TEXT, "hidden" BOOLEAN, "deleted_at" TIMESTAMPTZ, "properties" JSONB)
RETURNS SETOF BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT "hash" FROM jsonb_each_text("properties"), LATERAL (VALUES
        (property_hash("visibility", "key", "value")),
        (CASE WHEN "visibility" <> 'public' THEN owned_property_hash("owner", "visibility", "key", "value") END)
    ) AS "hashes" ("hash")
    WHERE NOT "hidden" AND "deleted_at" IS NULL AND "hash" IS NOT NULL;
END;

-- Writers that are under way write the old rows, so they are waited for; the next ones find the new function.
LOCK TABLE "images" IN SHARE ROW EXCLUSIVE MODE;

CREATE OR REPLACE FUNCTION "keep_image_properties"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE image_properties;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO image_properties (hash, created_at, image_id)
        SELECT DISTINCT hash, created_at, id
        FROM new_rows, image_property_hashes(owner, visibility, hidden, deleted_at, properties) AS hash;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM image_properties AS kept
        USING old_rows, image_property_hashes(owner, visibility, hidden, deleted_at, properties) AS listed (hash)
        WHERE (kept.hash, kept.created_at, kept.image_id) = (listed.hash, old_rows.created_at, old_rows.id);
    ELSE
        WITH before AS (
            SELECT hash, created_at, id
            FROM old_rows, image_property_hashes(owner, visibility, hidden, deleted_at, properties) AS hash
        ), after AS (
            SELECT hash, created_at, id
            FROM new_rows, image_property_hashes(owner, visibility, hidden, deleted_at, properties) AS hash
        ), removed AS (
            DELETE FROM image_properties AS kept USING (TABLE before EXCEPT TABLE after) AS gone
            WHERE (kept.hash, kept.created_at, kept.image_id) = (gone.hash, gone.created_at, gone.id)
        )
        INSERT INTO image_properties (hash, created_at, image_id) (TABLE after EXCEPT TABLE before);
    END IF;
    RETURN NULL;
END $$;

DROP FUNCTION "listed_property_hashes";

INSERT INTO "image_properties" ("hash", "created_at", "image_id")
SELECT DISTINCT "hash", "created_at", "id"
FROM "images", "image_property_hashes"("owner", "visibility", "hidden", "deleted_at", "properties") AS "hash"
WHERE "visibility" <> 'public'
ON CONFLICT DO NOTHING;
