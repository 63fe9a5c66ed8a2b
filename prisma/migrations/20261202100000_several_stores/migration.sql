-- The store that has an object. Null: the first store of the catalogue, from when it had no name.
ALTER TABLE "image_objects"
    ADD COLUMN "store" VARCHAR(255),
    -- The import that copies the object from another store, while it is written.
    ADD COLUMN "import_id" UUID;

-- The name of the store that the catalogue had before it had several: its marker is the id of the catalogue alone.
ALTER TABLE "catalogue_id" ADD COLUMN "first_store" VARCHAR(255);
