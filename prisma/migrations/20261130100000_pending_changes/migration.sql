-- Changes that were sent to the source of a mirror, until the mirror shows them. Without a foreign key: a request
-- may change an image that is not known here.
CREATE TABLE "pending_changes" (
    "ticket" BIGINT NOT NULL,
    "image_id" UUID NOT NULL,
    "state" VARCHAR(10) NOT NULL DEFAULT 'sent',
    "beat" BIGINT NOT NULL DEFAULT 0,
    "projects" TEXT[],
    "due_at" TIMESTAMPTZ(6),

    CONSTRAINT "pending_changes_pkey" PRIMARY KEY ("ticket", "image_id")
-- Every beat writes a row: with room on the page, no index has to know.
) WITH (fillfactor = 50);

-- What an image was settled with after a change of it: a response that looks older does not replace it for some
-- seconds. The release before this one does not name these columns, and replaces it with the next response.
ALTER TABLE "mirrored"
    ADD COLUMN "source_updated_at" TIMESTAMPTZ(6),
    ADD COLUMN "settled_at" TIMESTAMPTZ(6);
