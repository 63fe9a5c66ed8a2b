-- The upload that an image waits for, while its status is `saving`.
ALTER TABLE "images" ADD COLUMN "upload" UUID;

-- The data of images in a store. A row is known before its first byte and after its last one; without a foreign key,
-- because it outlives its image until its bytes are gone.
CREATE TABLE "image_objects" (
    "id" UUID NOT NULL,
    "image_id" UUID NOT NULL,
    "project" TEXT,
    "state" VARCHAR(10) NOT NULL DEFAULT 'writing',
    "bytes" BIGINT NOT NULL DEFAULT 0,
    "beat" BIGINT NOT NULL DEFAULT 0,
    "swept_at" TIMESTAMPTZ(6),

    CONSTRAINT "image_objects_pkey" PRIMARY KEY ("id"),
    CONSTRAINT "image_objects_state" CHECK ("state" IN ('writing', 'staged', 'live', 'doomed'))
-- Every beat writes a row: with room on the page, no index has to know.
) WITH (fillfactor = 50);

CREATE INDEX "image_objects_image_id_idx" ON "image_objects" ("image_id");
CREATE INDEX "image_objects_writing" ON "image_objects" ("id") WHERE "state" = 'writing';
CREATE INDEX "image_objects_doomed" ON "image_objects" ("swept_at" NULLS FIRST) WHERE "state" = 'doomed';

-- The id of the catalogue: its store has the same, so that the store of another catalogue is refused. One row, once it is
-- needed.
CREATE TABLE "catalogue_id" (
    "only" BOOLEAN NOT NULL DEFAULT true,
    "id" UUID NOT NULL,

    CONSTRAINT "catalogue_id_pkey" PRIMARY KEY ("only"),
    CONSTRAINT "catalogue_id_only" CHECK ("only")
);
