-- Tells whoever keeps copies of images which ones were touched, when the transaction commits. A new image is
-- told of by nobody: that an image is missing is not kept.

-- At most 100 ids a notice (a payload ends below 8,000 bytes), and one `*`, which means all of them, where
-- more than 1,000 were touched: commits that notify wait for each other, on the whole server.
CREATE FUNCTION "notify_of_images"("touched" UUID[]) RETURNS VOID
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF cardinality(touched) > 1000 THEN
        PERFORM pg_notify('glimpse_images', '*');
    ELSE
        PERFORM pg_notify('glimpse_images', string_agg(id::text, ','))
        FROM unnest(touched) WITH ORDINALITY AS listed (id, place)
        GROUP BY (place - 1) / 100;
    END IF;
END $$;

-- The limits of 1,001 are where counting on would change nothing.
CREATE FUNCTION "notify_of_changed_images"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('glimpse_images', '*');
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM notify_of_images(array(SELECT id FROM old_rows LIMIT 1001));
    ELSE
        PERFORM notify_of_images(array(
            SELECT DISTINCT id FROM (SELECT id FROM old_rows UNION ALL SELECT id FROM new_rows) AS both_rows
            LIMIT 1001));
    END IF;
    RETURN NULL;
END $$;

-- Of images that are gone their own deletion has told, which takes the members along one image at a time.
CREATE FUNCTION "notify_of_changed_members"() RETURNS TRIGGER
LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        PERFORM pg_notify('glimpse_images', '*');
    ELSIF TG_OP = 'DELETE' THEN
        PERFORM notify_of_images(array(
            SELECT DISTINCT image_id FROM old_rows WHERE EXISTS (SELECT FROM images WHERE id = image_id)
            LIMIT 1001));
    ELSIF TG_OP = 'INSERT' THEN
        PERFORM notify_of_images(array(SELECT DISTINCT image_id FROM new_rows LIMIT 1001));
    ELSE
        PERFORM notify_of_images(array(
            SELECT DISTINCT image_id
            FROM (SELECT image_id FROM old_rows UNION ALL SELECT image_id FROM new_rows) AS both_rows
            LIMIT 1001));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER "images_updated" AFTER UPDATE ON "images"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_images"();

CREATE TRIGGER "images_deleted" AFTER DELETE ON "images"
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_images"();

CREATE TRIGGER "images_truncated" AFTER TRUNCATE ON "images"
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_images"();

CREATE TRIGGER "members_inserted" AFTER INSERT ON "members"
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_members"();

CREATE TRIGGER "members_updated" AFTER UPDATE ON "members"
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_members"();

CREATE TRIGGER "members_deleted" AFTER DELETE ON "members"
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_members"();

CREATE TRIGGER "members_truncated" AFTER TRUNCATE ON "members"
    FOR EACH STATEMENT EXECUTE FUNCTION "notify_of_changed_members"();
