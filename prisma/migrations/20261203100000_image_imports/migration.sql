-- The imports of image data, until two days after their end: clients read from them whether an import has succeeded.
-- Without a foreign key: a row goes two days after its end, whatever becomes of its image.
CREATE TABLE "image_imports" (
    "id" UUID NOT NULL,
    "image_id" UUID NOT NULL,
    "project" TEXT,
    "user_id" TEXT NOT NULL,
    "request_id" TEXT NOT NULL,
    "request" JSONB NOT NULL,
    "stores" TEXT[] NOT NULL,
    "bytes" BIGINT NOT NULL,
    "begun_at" TIMESTAMPTZ(6) NOT NULL DEFAULT clock_timestamp(),
    "ended_at" TIMESTAMPTZ(6),
    "failure" TEXT,

    CONSTRAINT "image_imports_pkey" PRIMARY KEY ("id")
);

CREATE INDEX "image_imports_image_id_idx" ON "image_imports" ("image_id");
CREATE INDEX "image_imports_ended_at_idx" ON "image_imports" ("ended_at");
