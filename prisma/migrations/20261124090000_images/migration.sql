-- Images and the projects they are shared with.

CREATE TABLE "images" (
    "id" UUID NOT NULL,
    "version" BIGSERIAL NOT NULL,
    "name" VARCHAR(255),
    "status" VARCHAR(30) NOT NULL,
    "visibility" VARCHAR(30) NOT NULL,
    "hidden" BOOLEAN NOT NULL DEFAULT false,
    "owner" VARCHAR(255),
    "protected" BOOLEAN NOT NULL DEFAULT false,
    "size" BIGINT,
    "min_disk" INTEGER NOT NULL DEFAULT 0,
    "min_ram" INTEGER NOT NULL DEFAULT 0,
    "properties" JSONB NOT NULL DEFAULT '{}',
    "created_at" TIMESTAMPTZ(6) NOT NULL,
    "updated_at" TIMESTAMPTZ(6),
    "deleted_at" TIMESTAMPTZ(6),

    CONSTRAINT "images_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "members" (
    "image_id" UUID NOT NULL,
    "member" VARCHAR(255) NOT NULL,
    "status" VARCHAR(20) NOT NULL DEFAULT 'pending',

    CONSTRAINT "members_pkey" PRIMARY KEY ("image_id", "member")
);

ALTER TABLE "members" ADD CONSTRAINT "members_image_id_fkey"
    FOREIGN KEY ("image_id") REFERENCES "images"("id") ON DELETE CASCADE ON UPDATE CASCADE;
