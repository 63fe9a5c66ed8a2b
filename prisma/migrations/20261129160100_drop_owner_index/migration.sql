-- images_owned_idx serves what this index served, for the release before this one too: its first columns are the same.
-- In a migration of its own, because images cannot be read from here to its end.
DROP INDEX "images_owner_idx";
