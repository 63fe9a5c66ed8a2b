import type { Database } from '../connection/database.js';
import { orUnavailable } from '../connection/unavailable.js';

/**
 * Removes the rows of images that were deleted before a time, with their members. They cannot be used as list markers
 * any more.
 *
 * @returns the number of images
 * @throws {DatabaseUnavailable}
 */
export async function purgeImages({ prisma }: Database, before: Date): Promise<number> {
  const { count } = await orUnavailable(() =>
    prisma.image.deleteMany({ where: { deletedAt: { lt: before } } }),
  );
  return count;
}
