import type { Database } from '../connection/database.js';
import { orUnavailable } from '../connection/unavailable.js';

/**
 * Removes the rows of images that were deleted before a time, and what belongs to them. What is gone is no
 * marker of a list any more.
 *
 * @returns how many there were
 * @throws {DatabaseUnavailable}
 */
export async function purgeImages({ prisma }: Database, before: Date): Promise<number> {
  const { count } = await orUnavailable(() =>
    prisma.image.deleteMany({ where: { deletedAt: { lt: before } } }),
  );
  return count;
}
