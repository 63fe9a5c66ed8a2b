-- What is known of staged data, until its image is imported.
ALTER TABLE "image_objects"
    ADD COLUMN "checksum" VARCHAR(255),
    ADD COLUMN "hash_value" VARCHAR(255),
    ADD COLUMN "virtual_size" BIGINT;
