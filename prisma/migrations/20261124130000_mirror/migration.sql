-- A catalogue that mirrors a source: which answers of it the images are made of, who follows it and how far,
-- and who changes an image there.

-- Orders the answers of a source. A sequence never goes back, so that an answer of a higher ticket was asked
-- for later.
CREATE SEQUENCE "source_tickets";

CREATE TABLE "mirrored" (
    "image_id" UUID NOT NULL,
    "ticket" BIGINT NOT NULL,
    "members_ticket" BIGINT NOT NULL DEFAULT 0,
    "members_read_at" TIMESTAMPTZ(6),
    "has_members" BOOLEAN NOT NULL DEFAULT false,
    "shared" BOOLEAN NOT NULL,

    CONSTRAINT "mirrored_pkey" PRIMARY KEY ("image_id")
-- Every walk writes a ticket into each row: with room on the page, no index has to know.
) WITH (fillfactor = 70);

-- Whose members are to be read next.
CREATE INDEX "mirrored_members_idx" ON "mirrored" ("has_members", "members_ticket") WHERE "shared";

CREATE TABLE "follower" (
    "only" BOOLEAN NOT NULL DEFAULT true,
    "lease" BIGINT NOT NULL DEFAULT 0,
    "holder" TEXT NOT NULL DEFAULT '',
    "ends_at" TIMESTAMPTZ(6) NOT NULL DEFAULT '-infinity',
    "changed_until" TIMESTAMPTZ(6),
    "looked_at" TIMESTAMPTZ(6),
    "walk" JSONB,
    "walked_at" TIMESTAMPTZ(6),
    "refused_removals" INTEGER NOT NULL DEFAULT 0,
    "accepts_removals" BOOLEAN NOT NULL DEFAULT false,

    CONSTRAINT "follower_pkey" PRIMARY KEY ("only"),
    CONSTRAINT "follower_only" CHECK ("only")
);

INSERT INTO "follower" DEFAULT VALUES;

CREATE TABLE "change_leases" (
    "image_id" UUID NOT NULL,
    "holder" UUID NOT NULL,
    "ends_at" TIMESTAMPTZ(6) NOT NULL,

    CONSTRAINT "change_leases_pkey" PRIMARY KEY ("image_id")
);

ALTER TABLE "mirrored" ADD CONSTRAINT "mirrored_image_id_fkey" FOREIGN KEY ("image_id") REFERENCES "images"("id") ON DELETE CASCADE ON UPDATE CASCADE;
