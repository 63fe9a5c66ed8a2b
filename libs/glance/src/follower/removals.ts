import { CatalogueUnavailable, DomainError, LeaseLost } from '@glimpse/domain';
import { requireSight, type Following } from './following.js';

/** More than so many, and more than such a part of all, are not removed at once unless somebody says so. */
const MANY = { count: 100, part: 0.05 };
/** How many images are asked for between two looks at what the source shows this service. */
const BATCH = 50;

/**
 * Removes the images that a walk did not name, were there before it began, and are not there when the source is
 * asked for each.
 *
 * @param ticket the one of the walk
 * @param acceptsRemovals whether somebody said that many may be gone
 * @returns how many were left because they are too many
 * @throws {SourceUnavailable} the source does not show this service everything: then nothing is gone
 */
export async function removeUnnamed(
  following: Following,
  ticket: bigint,
  acceptsRemovals: boolean,
): Promise<number> {
  const { mirror, observe, lease } = following;
  const unnamed = await mirror.countUnnamedSince(ticket);
  if (unnamed === 0) return 0;
  const all = await mirror.count();
  if (unnamed > MANY.count && unnamed > MANY.part * all && !acceptsRemovals) {
    observe('removals-refused', { count: unnamed, of: all });
    return unnamed;
  }
  let after: string | undefined;
  for (;;) {
    const ids = await mirror.unnamedSince(ticket, BATCH, after);
    if (ids.length === 0) return 0;
    const { number, drawnAt } = await mirror.draw();
    await requireSight(following);
    const gone: string[] = [];
    for (const id of ids) if (await isGone(following, id)) gone.push(id);
    await requireSight(following);
    const { length: count } = await mirror.remove(gone, { number, drawnAt }, lease);
    if (count > 0) observe('source-followed', { kind: 'removed', count });
    after = ids.at(-1);
  }
}

async function isGone({ source, signal }: Following, id: string): Promise<boolean> {
  try {
    return (await source.image(id, signal)) === undefined;
  } catch (error) {
    // It is there, and no catalogue can hold it.
    if (
      error instanceof DomainError &&
      !(error instanceof CatalogueUnavailable || error instanceof LeaseLost)
    ) {
      return false;
    }
    throw error;
  }
}
