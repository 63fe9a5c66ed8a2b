-- What image_properties took the place of. No release has used these indexes, so that none has to be waited for.
-- In a migration of its own, because nobody reads images from here to its end.
DROP INDEX "images_public_properties_idx", "images_other_properties_idx";
