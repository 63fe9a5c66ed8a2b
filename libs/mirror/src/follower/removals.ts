import { CatalogueUnavailable, DomainError, SourceUnavailable } from '@glimpse/domain';
import { imageByAnyCase } from '../mirror/shown-id.js';
import { paced } from './retry-loop.js';
import { requireFullVisibility, type SyncContext } from './sync-context.js';

/** How many images are confirmed between two checks that the source shows this service everything. */
const BATCH = 50;
/** How many are confirmed as fast as the source responds; the others may use this fraction of its time. */
const UNPACED = 100;
const SOURCE_TIME_FRACTION = 0.1;
/** More removals than both, a number and a fraction of all images, have a line in the log. */
const MANY = { count: 100, fraction: 0.05 };
/** After every so many images that the source does not confirm, it is checked that it responds at all. */
const FAILURES_UNTIL_PROBE = 5;

/**
 * Removes the images that a full sync did not list, although they existed before it began, if the source confirms
 * for each id that it does not exist. The others stay.
 *
 * @param ticket that of the full sync
 * @param acceptsRemovals whether images that the source does not confirm are removed, too
 * @returns how many were kept because the source does not confirm that they are gone
 * @throws {SourceUnavailable} the source does not show this service everything, or is unavailable: nothing is removed
 */
export async function removeMissing(
  context: SyncContext,
  ticket: bigint,
  acceptsRemovals: boolean,
): Promise<number> {
  const { mirror, observe, lease, signal } = context;
  const missing = await mirror.countUnnamedSince(ticket);
  if (missing === 0) return 0;
  const all = await mirror.count();
  if (missing > MANY.count && missing > MANY.fraction * all)
    observe('removals-many', { count: missing, of: all });
  let confirmed = 0;
  let unconfirmed = 0;
  for (let after: string | undefined; !signal.aborted;) {
    const ids = await mirror.unnamedSince(ticket, BATCH, after);
    if (ids.length === 0) break;
    const drawn = await mirror.draw();
    await requireFullVisibility(context);
    const gone: string[] = [];
    let failures = 0;
    for (const id of ids) {
      const state = await paced(confirmed++ < UNPACED ? 1 : SOURCE_TIME_FRACTION, signal, () =>
        stateOf(context, id),
      );
      if (state === 'gone' || (state === 'unknown' && acceptsRemovals)) gone.push(id);
      if (state === 'unknown' && ++failures % FAILURES_UNTIL_PROBE === 0) await requireResponse(context);
    }
    if (failures > 0) await requireResponse(context);
    if (!acceptsRemovals) unconfirmed += failures;
    await requireFullVisibility(context);
    const { length: count } = await mirror.remove(gone, drawn, lease);
    if (count > 0) observe('source-followed', { kind: 'removed', count });
    after = ids.at(-1);
  }
  if (unconfirmed > 0) observe('removals-refused', { count: unconfirmed, of: all });
  return unconfirmed;
}

/** @throws {SourceUnavailable} the source is unavailable, and can confirm nothing */
async function requireResponse({ source, signal }: SyncContext): Promise<void> {
  await source.page({ hidden: false }, signal);
}

/** Whether the source has an image. One that no catalogue can hold is removed here. */
async function stateOf(context: SyncContext, id: string): Promise<'there' | 'gone' | 'unknown'> {
  const { observe, signal } = context;
  try {
    return (await imageByAnyCase(context, id, signal)) ? 'there' : 'gone';
  } catch (error) {
    if (!(error instanceof DomainError) || signal.aborted) throw error;
    const unknown = error instanceof SourceUnavailable;
    if (error instanceof CatalogueUnavailable && !unknown) throw error;
    observe('source-image-bad', { problem: `image ${id}: ${unknown ? error.reason : error.message}` });
    return unknown ? 'unknown' : 'gone';
  }
}
