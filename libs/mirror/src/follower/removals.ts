import { CatalogueUnavailable, DomainError, SourceUnavailable } from '@glimpse/domain';
import { paced, requireSight, type Following } from './following.js';

/** How many images are confirmed between two checks of what the source shows this service. */
const BATCH = 50;
/** How many are confirmed as fast as the source answers; the others take a share of its time. */
const UNPACED = 100;
const SHARE = 0.1;
/** More than so many, and more than such a part of all, have a line in the log. */
const MANY = { count: 100, part: 0.05 };
/** After so many images of which the source does not say, it has to show that it answers at all. */
const FAILURES_UNTIL_PROBE = 5;

/**
 * Removes the images that a walk did not name, were there before it began, and are gone when the source is asked for
 * each by its id. Those of which it does not say so stay.
 *
 * @param ticket the one of the walk
 * @param acceptsRemovals whether those of which the source does not say are removed as well
 * @returns how many were kept because the source does not say whether they are gone
 * @throws {SourceUnavailable} the source does not show this service everything, or is away: then nothing is gone
 */
export async function removeUnnamed(
  following: Following,
  ticket: bigint,
  acceptsRemovals: boolean,
): Promise<number> {
  const { mirror, observe, lease, signal } = following;
  const unnamed = await mirror.countUnnamedSince(ticket);
  if (unnamed === 0) return 0;
  const all = await mirror.count();
  if (unnamed > MANY.count && unnamed > MANY.part * all)
    observe('removals-many', { count: unnamed, of: all });
  let asked = 0;
  let unconfirmed = 0;
  for (let after: string | undefined; !signal.aborted;) {
    const ids = await mirror.unnamedSince(ticket, BATCH, after);
    if (ids.length === 0) break;
    const drawn = await mirror.draw();
    await requireSight(following);
    const gone: string[] = [];
    let failures = 0;
    for (const id of ids) {
      const state = await paced(asked++ < UNPACED ? 1 : SHARE, signal, () => stateOf(following, id));
      if (state === 'gone' || (state === 'unknown' && acceptsRemovals)) gone.push(id);
      if (state === 'unknown' && ++failures % FAILURES_UNTIL_PROBE === 0) await requireAnswers(following);
    }
    if (failures > 0) await requireAnswers(following);
    if (!acceptsRemovals) unconfirmed += failures;
    await requireSight(following);
    const { length: count } = await mirror.remove(gone, drawn, lease);
    if (count > 0) observe('source-followed', { kind: 'removed', count });
    after = ids.at(-1);
  }
  if (unconfirmed > 0) observe('removals-refused', { count: unconfirmed, of: all });
  return unconfirmed;
}

/** @throws {SourceUnavailable} the source is away, and says of no image whether it is gone */
async function requireAnswers({ source, signal }: Following): Promise<void> {
  await source.page({ hidden: false }, signal);
}

/** Whether an image is at the source. One that no catalogue can hold is gone from here. */
async function stateOf(
  { source, observe, signal }: Following,
  id: string,
): Promise<'there' | 'gone' | 'unknown'> {
  try {
    return (await source.image(id, signal)) ? 'there' : 'gone';
  } catch (error) {
    if (!(error instanceof DomainError) || signal.aborted) throw error;
    const unknown = error instanceof SourceUnavailable;
    if (error instanceof CatalogueUnavailable && !unknown) throw error;
    observe('source-image-bad', { problem: `image ${id}: ${unknown ? error.reason : error.message}` });
    return unknown ? 'unknown' : 'gone';
  }
}
