-- The bytes of image data that each project has, those reserved by running uploads included. Triggers keep it, whatever
-- statement changes an object: an upload locks this row and compares it with the quota, and counts no other rows.
CREATE TABLE "project_usage" (
    "project" TEXT NOT NULL,
    "bytes" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "project_usage_pkey" PRIMARY KEY ("project")
-- Every upload writes a row: with room on the page, no index has to know.
) WITH (fillfactor = 50);

-- Doomed objects count no more, although their bytes may still be there. Rows are locked in the order of projects.
CREATE FUNCTION "count_project_usage"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO project_usage AS usage (project, bytes)
    SELECT change.project, sum(change.bytes)
    FROM (
        SELECT OLD.project, -OLD.bytes WHERE TG_OP <> 'INSERT' AND OLD.state <> 'doomed'
        UNION ALL
        SELECT NEW.project, NEW.bytes WHERE TG_OP <> 'DELETE' AND NEW.state <> 'doomed'
    ) AS change (project, bytes)
    WHERE change.project IS NOT NULL
    GROUP BY change.project HAVING sum(change.bytes) <> 0 ORDER BY change.project
    ON CONFLICT (project) DO UPDATE SET bytes = usage.bytes + excluded.bytes;
    RETURN NULL;
END $$;

CREATE TRIGGER "image_objects_usage"
AFTER INSERT OR DELETE OR UPDATE OF "project", "state", "bytes" ON "image_objects"
FOR EACH ROW EXECUTE FUNCTION "count_project_usage"();

-- The data of an image belongs to its owner, and is not needed once the image is deleted. In a trigger because it sees
-- an object whose upload began while the statement waited for the image, and because the release before deletes images
-- without it.
CREATE FUNCTION "follow_image_with_objects"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE image_objects
    SET project = NEW.owner, state = CASE WHEN NEW.deleted_at IS NULL THEN state ELSE 'doomed' END
    WHERE image_id = NEW.id AND state <> 'doomed';
    RETURN NULL;
END $$;

CREATE TRIGGER "images_with_objects"
AFTER UPDATE OF "owner", "deleted_at" ON "images"
FOR EACH ROW
WHEN (OLD."owner" IS DISTINCT FROM NEW."owner" OR (OLD."deleted_at" IS NULL AND NEW."deleted_at" IS NOT NULL))
EXECUTE FUNCTION "follow_image_with_objects"();

INSERT INTO "project_usage" ("project", "bytes")
SELECT "project", sum("bytes") FROM "image_objects"
WHERE "state" <> 'doomed' AND "project" IS NOT NULL GROUP BY "project";
