-- The ids of purged images: an id that was public once never belongs to another image. `purge` adds them, and a new
-- image is compared with them.
CREATE TABLE "used_ids" (
    "id" UUID PRIMARY KEY
);
