-- The properties of images that lists show, in the order of lists. Readers go on meanwhile; writers wait.

-- A visibility, a name and a value as one number. Each hash is the seed of the next, so that no two of them are
-- joined. Hash partitions rest on the same function, so that its results stay, whatever release of PostgreSQL.
CREATE FUNCTION "property_hash"("visibility" TEXT, "name" TEXT, "value" TEXT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN hashtextextended("value", hashtextextended("name", hashtextextended("visibility", 0)));

-- Those of an image; none where no list shows it.
CREATE FUNCTION "listed_property_hashes"("visibility" TEXT, "hidden" BOOLEAN, "deleted_at" TIMESTAMPTZ, "properties" JSONB)
RETURNS SETOF BIGINT LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT property_hash("visibility", "key", "value") FROM jsonb_each_text("properties")
    WHERE NOT "hidden" AND "deleted_at" IS NULL;
END;

-- No foreign key: it would want an index of the images, and triggers take the rows away by their key.
CREATE TABLE "image_properties" (
    "hash" BIGINT NOT NULL,
    "created_at" TIMESTAMPTZ(6) NOT NULL,
    "image_id" UUID NOT NULL
);

-- Whoever writes these rows has the image's own row locked, so that nobody else does. DISTINCT is for two
-- properties of an image whose hashes are the same. Rows are found by their key whatever PostgreSQL believes of
-- the table: a plan made while it was small is kept.
CREATE FUNCTION "keep_image_properties"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        TRUNCATE image_properties;
    ELSIF TG_OP = 'INSERT' THEN
        INSERT INTO image_properties (hash, created_at, image_id)
        SELECT DISTINCT hash, created_at, id
        FROM new_rows, listed_property_hashes(visibility, hidden, deleted_at, properties) AS hash;
    ELSIF TG_OP = 'DELETE' THEN
        DELETE FROM image_properties AS kept
        USING old_rows, listed_property_hashes(visibility, hidden, deleted_at, properties) AS listed (hash)
        WHERE (kept.hash, kept.created_at, kept.image_id) = (listed.hash, old_rows.created_at, old_rows.id);
    ELSE
        WITH before AS (
            SELECT hash, created_at, id
            FROM old_rows, listed_property_hashes(visibility, hidden, deleted_at, properties) AS hash
        ), after AS (
            SELECT hash, created_at, id
            FROM new_rows, listed_property_hashes(visibility, hidden, deleted_at, properties) AS hash
        ), removed AS (
            DELETE FROM image_properties AS kept USING (TABLE before EXCEPT TABLE after) AS gone
            WHERE (kept.hash, kept.created_at, kept.image_id) = (gone.hash, gone.created_at, gone.id)
        )
        INSERT INTO image_properties (hash, created_at, image_id) (TABLE after EXCEPT TABLE before);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER "image_properties_inserted" AFTER INSERT ON "images"
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "keep_image_properties"();

CREATE TRIGGER "image_properties_updated" AFTER UPDATE ON "images"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "keep_image_properties"();

CREATE TRIGGER "image_properties_deleted" AFTER DELETE ON "images"
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "keep_image_properties"();

CREATE TRIGGER "image_properties_truncated" AFTER TRUNCATE ON "images"
    FOR EACH STATEMENT EXECUTE FUNCTION "keep_image_properties"();

-- The triggers wait for writers that are under way and let no others in, so that this sees all images.
INSERT INTO "image_properties" ("hash", "created_at", "image_id")
SELECT DISTINCT "hash", "created_at", "id"
FROM "images", "listed_property_hashes"("visibility", "hidden", "deleted_at", "properties") AS "hash";

-- The way in which lists read it, from its end.
ALTER TABLE "image_properties" ADD CONSTRAINT "image_properties_pkey" PRIMARY KEY ("hash", "created_at", "image_id");
