import type { Database } from '../connection/database.js';
import { orUnavailable } from '../connection/unavailable.js';

/**
 * Removes the rows of images that were deleted before a time, and notes their ids.
 *
 * $1: the time.
 */
const PURGE_IMAGES = `
  WITH purged AS (
    DELETE FROM images WHERE deleted_at < $1 RETURNING id
  ), noted AS (
    INSERT INTO used_ids SELECT id FROM purged ON CONFLICT DO NOTHING
  )
  SELECT count(*)::integer AS count FROM purged`;

/**
 * Removes the rows of images that were deleted before a time, with their members. They cannot be used as list markers
 * any more, and their ids never belong to another image.
 *
 * @returns the number of images
 * @throws {DatabaseUnavailable}
 */
export async function purgeImages(database: Database, before: Date): Promise<number> {
  const query = { text: PURGE_IMAGES, values: [before] };
  const [row] = await orUnavailable(() => database.write<{ count: number }>(query));
  return row!.count;
}
