-- What lists are served from at any size. The order of a list is (created_at, id), newest first. Images that
-- nobody lists are in none of the ordered indexes.

DROP INDEX "members_member_idx", "images_public_idx", "images_own_idx", "images_listed_idx", "images_name_idx";

-- A project's shares in the order of lists. The time is the image's, whatever a writer says: a trigger sets it,
-- for a foreign key on (id, created_at) would want one more unique index of all images, and every writer of
-- members, the release before this one too, would have to name it.
ALTER TABLE "members" ADD COLUMN "created_at" TIMESTAMPTZ(6);

-- The share lock makes a change of the image's time that is under way, or that comes, wait its turn: the
-- foreign key's own lock lets it pass.
CREATE FUNCTION "members_take_created_at"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT "created_at" INTO NEW."created_at" FROM "images" WHERE "id" = NEW."image_id" FOR SHARE;
    IF NOT FOUND THEN
        -- The foreign key has the better words for it.
        NEW."created_at" := 'infinity';
    END IF;
    RETURN NEW;
END
$$;

CREATE TRIGGER "members_take_created_at" BEFORE INSERT OR UPDATE OF "image_id", "created_at" ON "members"
    FOR EACH ROW EXECUTE FUNCTION "members_take_created_at"();

CREATE FUNCTION "images_pass_on_created_at"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE "members" SET "created_at" = NEW."created_at" WHERE "image_id" = NEW."id";
    RETURN NULL;
END
$$;

CREATE TRIGGER "images_pass_on_created_at" AFTER UPDATE OF "created_at" ON "images"
    FOR EACH ROW WHEN (OLD."created_at" <> NEW."created_at") EXECUTE FUNCTION "images_pass_on_created_at"();

UPDATE "members" SET "created_at" = "images"."created_at" FROM "images" WHERE "images"."id" = "members"."image_id";

ALTER TABLE "members" ALTER COLUMN "created_at" SET NOT NULL;

CREATE INDEX "members_accepted_idx" ON "members" ("member", "created_at" DESC, "image_id" DESC)
    WHERE "status" = 'accepted';

-- Everybody's images of one visibility, and a project's own.
CREATE INDEX "images_visibility_idx" ON "images" ("visibility", "created_at" DESC, "id" DESC)
    WHERE NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_owner_idx" ON "images" ("owner", "visibility", "created_at" DESC, "id" DESC)
    WHERE "visibility" <> 'public' AND NOT "hidden" AND "deleted_at" IS NULL;

-- What filters find. Of a status, disk or memory, the one that most images have is left out: whoever looks for
-- that finds it without an index.
CREATE INDEX "images_name_idx" ON "images" ("visibility", "name", "created_at" DESC, "id" DESC)
    WHERE NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_status_idx" ON "images" ("visibility", "status", "created_at" DESC, "id" DESC)
    WHERE "status" <> 'active' AND NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_min_disk_idx" ON "images" ("visibility", "min_disk", "created_at" DESC, "id" DESC)
    WHERE "min_disk" <> 0 AND NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_min_ram_idx" ON "images" ("visibility", "min_ram", "created_at" DESC, "id" DESC)
    WHERE "min_ram" <> 0 AND NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_updated_idx" ON "images" ("visibility", "updated_at" DESC)
    WHERE NOT "hidden" AND "deleted_at" IS NULL;

-- Inverted indexes, one for what everybody sees and one for the rest, so that what is common among images of
-- others does not stand in the way. They hold hidden and deleted images too: a condition that none of the
-- indexes above fulfils leaves these alone to answer it. Without a list of pending entries, which every
-- reader would have to search.
CREATE INDEX "images_public_properties_idx" ON "images" USING GIN ("properties" jsonb_path_ops)
    WITH (fastupdate = off) WHERE "visibility" = 'public';

CREATE INDEX "images_other_properties_idx" ON "images" USING GIN ("properties" jsonb_path_ops)
    WITH (fastupdate = off) WHERE "visibility" <> 'public';

CREATE INDEX "images_public_names_idx" ON "images" USING GIN ("name" gin_trgm_ops)
    WITH (fastupdate = off) WHERE "visibility" = 'public';

CREATE INDEX "images_other_names_idx" ON "images" USING GIN ("name" gin_trgm_ops)
    WITH (fastupdate = off) WHERE "visibility" <> 'public';
