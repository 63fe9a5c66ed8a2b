-- What Glance shows of an image and of a member besides. The release before this one does not name these columns:
-- what it inserts has their defaults, what it updates keeps them, and attributes_ticket tells where that was.

ALTER TABLE "images"
    ADD COLUMN "shown_id" VARCHAR(36),
    ADD COLUMN "disk_format" VARCHAR(255),
    ADD COLUMN "container_format" VARCHAR(255),
    ADD COLUMN "checksum" VARCHAR(255),
    ADD COLUMN "hash_algorithm" VARCHAR(255),
    ADD COLUMN "hash_value" VARCHAR(255),
    ADD COLUMN "virtual_size" BIGINT,
    ADD COLUMN "tags" TEXT[] NOT NULL DEFAULT ARRAY[]::TEXT[],
    ADD COLUMN "locations" JSONB;

-- created_at is the image's.
ALTER TABLE "members"
    ADD COLUMN "member_created_at" TIMESTAMPTZ(6),
    ADD COLUMN "member_updated_at" TIMESTAMPTZ(6);

ALTER TABLE "mirrored"
    ADD COLUMN "attributes_ticket" BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN "member_times_ticket" BIGINT NOT NULL DEFAULT 0;

ALTER TABLE "follower"
    ADD COLUMN "attributes_lease" BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN "attributes_filled_at" TIMESTAMPTZ(6);
