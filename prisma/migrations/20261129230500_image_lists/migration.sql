-- Lists of the Image API that the indexes of lists do not hold. Readers go on meanwhile; writers wait.

-- Hidden images, which are few: of a visibility, and of a project.
CREATE INDEX "images_hidden_idx" ON "images" ("visibility", "created_at" DESC, "id" DESC)
    WHERE "hidden" AND "deleted_at" IS NULL;
CREATE INDEX "images_hidden_owned_idx" ON "images" ("owner", "visibility", "created_at" DESC, "id" DESC)
    WHERE "hidden" AND "deleted_at" IS NULL;

-- A project's memberships that it has not accepted.
CREATE INDEX "members_unaccepted_idx" ON "members" ("member", "status", "created_at" DESC, "image_id" DESC)
    WHERE "status" <> 'accepted';
