-- Notifies replicas of the projects whose lists a statement may change, when its transaction commits. The channel, the
-- functions and the triggers are separate from those of `notices`: the release before reads every payload there as
-- the ids of images, and counts the triggers.

-- The name of a project in payloads: its own id may be any text. The replicas compute the same.
CREATE FUNCTION "audience_name"("project" TEXT) RETURNS TEXT
LANGUAGE sql STABLE AS $$
    SELECT left(encode(sha256(convert_to(project, 'UTF8')), 'hex'), 16)
$$;

-- Notifies of a change in the lists of these projects, and of administrators. NULL, or more than 100 projects: in the
-- lists of everyone, which is `*`. A payload ends below 8,000 bytes.
CREATE FUNCTION "notify_audience"("projects" TEXT[]) RETURNS VOID
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF projects IS NULL OR cardinality(projects) > 100 THEN
        PERFORM pg_notify('glimpse_audiences', '*');
    ELSE
        PERFORM pg_notify('glimpse_audiences', coalesce(string_agg(DISTINCT audience_name(project), ','), ''))
        FROM unnest(projects) AS project;
    END IF;
END $$;

-- The projects whose lists may have these images; NULL: everyone's. As `listAudienceOf` of the domain.
--
-- A member that is being added at the same time waits for this transaction, or this transaction has waited for it:
-- `members_take_created_at` locks the image. Under a snapshot of the whole transaction it would be missed nevertheless.
CREATE FUNCTION "audience_of"("ids" UUID[], "visibilities" TEXT[], "owners" TEXT[]) RETURNS TEXT[]
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    projects TEXT[];
BEGIN
    IF cardinality(ids) > 1000 OR visibilities && ARRAY['public', 'community'] OR array_position(owners, NULL) IS NOT NULL
       OR current_setting('transaction_isolation') NOT LIKE 'read%' THEN
        RETURN NULL;
    END IF;
    WITH shared AS (
        SELECT DISTINCT id FROM unnest(ids, visibilities) AS image (id, visibility) WHERE visibility = 'shared'
    ), shares AS (
        SELECT member, count(*) OVER (PARTITION BY image_id) AS members FROM members JOIN shared ON id = image_id
    )
    SELECT CASE WHEN NOT EXISTS (SELECT FROM shares WHERE members > 20)
                THEN array(SELECT unnest(owners) UNION SELECT member FROM shares LIMIT 101) END
    INTO projects;
    RETURN projects;
END $$;

-- Purged images were deleted before, and their members are gone: whose lists may go on after them is not known.
CREATE FUNCTION "notify_audiences_of_images"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    ids UUID[];
    visibilities TEXT[];
    owners TEXT[];
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM notify_audience(NULL);
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM notify_audience(NULL) WHERE EXISTS (SELECT FROM old_rows);
    ELSE
        -- The limits of 1,001 are where more rows make no difference.
        IF TG_OP = 'INSERT' THEN
            SELECT array_agg(id), array_agg(visibility), array_agg(owner) INTO ids, visibilities, owners
            FROM (SELECT id, visibility, owner FROM new_rows LIMIT 1001) AS image;
        ELSE
            SELECT array_agg(id), array_agg(visibility), array_agg(owner) INTO ids, visibilities, owners
            FROM (
                SELECT id, visibility, owner FROM old_rows UNION SELECT id, visibility, owner FROM new_rows LIMIT 1001
            ) AS image;
        END IF;
        PERFORM notify_audience(audience_of(ids, visibilities, owners)) WHERE ids IS NOT NULL;
    END IF;
    RETURN NULL;
END $$;

-- A change of members changes the lists of these members only. Members of purged images go along with them.
CREATE FUNCTION "notify_audiences_of_members"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    projects TEXT[];
BEGIN
    IF TG_OP = 'INSERT' THEN
        projects := array(SELECT DISTINCT member FROM new_rows LIMIT 101);
    ELSIF TG_OP = 'UPDATE' THEN
        projects := array(SELECT member FROM old_rows UNION SELECT member FROM new_rows LIMIT 101);
    ELSIF TG_OP = 'DELETE' THEN
        projects := array(
            SELECT DISTINCT member FROM old_rows WHERE EXISTS (SELECT FROM images WHERE id = image_id) LIMIT 101);
    END IF;
    PERFORM notify_audience(projects) WHERE TG_OP = 'TRUNCATE' OR cardinality(projects) > 0;
    RETURN NULL;
END $$;

CREATE TRIGGER "images_audiences_inserted" AFTER INSERT ON "images"
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_images"();

CREATE TRIGGER "images_audiences_updated" AFTER UPDATE ON "images"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_images"();

CREATE TRIGGER "images_audiences_deleted" AFTER DELETE ON "images"
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_images"();

CREATE TRIGGER "images_audiences_truncated" AFTER TRUNCATE ON "images"
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_images"();

CREATE TRIGGER "members_audiences_inserted" AFTER INSERT ON "members"
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_members"();

CREATE TRIGGER "members_audiences_updated" AFTER UPDATE ON "members"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_members"();

CREATE TRIGGER "members_audiences_deleted" AFTER DELETE ON "members"
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_members"();

CREATE TRIGGER "members_audiences_truncated" AFTER TRUNCATE ON "members"
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_audiences_of_members"();
