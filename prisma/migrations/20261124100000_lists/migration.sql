-- What lists are served from. The order of a list is (created_at, id), newest first; each index holds the
-- images that one way of being listed can find, so that a page is the beginning of a scan.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE INDEX "images_public_idx" ON "images" ("created_at" DESC, "id" DESC)
    WHERE "visibility" = 'public' AND NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_own_idx" ON "images" ("owner", "created_at" DESC, "id" DESC)
    WHERE "visibility" <> 'public' AND NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_listed_idx" ON "images" ("created_at" DESC, "id" DESC)
    WHERE NOT "hidden" AND "deleted_at" IS NULL;

CREATE INDEX "images_name_idx" ON "images" USING GIN ("name" gin_trgm_ops);

CREATE INDEX "members_member_idx" ON "members" ("member");
