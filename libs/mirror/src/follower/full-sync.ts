import type { FullSync, PendingChanges } from '@glimpse/domain';
import { applyPage } from './apply-page.js';
import { readMembers } from './members.js';
import { PageProgress } from './page-progress.js';
import { removeMissing } from './removals.js';
import { paced } from './retry-loop.js';
import type { SyncContext } from './sync-context.js';

/** The fraction of the source's time that a full sync may use; the first one is not limited. */
const SOURCE_TIME_FRACTION = 0.1;
/** A change at the source whose outcome is not known is made within this time, or not at all. */
const LAST_CHANGE_AFTER_MS = 600_000;

/**
 * Reads all images of a source: applies what the incremental sync missed, and removes what is gone. It continues where
 * the last follower stopped. The first one, and the first after release 0.1 followed, which fills the attributes that
 * it lacks, may use all of the source's time.
 */
export async function fullSync(context: SyncContext, pending: PendingChanges): Promise<void> {
  const { mirror, observe, lease, signal } = context;
  const { fullSync: unfinished, attributesFilledAt } = await mirror.progress();
  let place: FullSync = unfinished ?? (await beginning(context));
  if (!unfinished) await mirror.advance({ fullSync: place }, lease);
  const began = performance.now();
  let images = 0;
  let unreadable = 0;
  let progress = new PageProgress();
  for (let isLast = false; !isLast && !signal.aborted;) {
    const { hidden, after } = place;
    const query = { hidden, ...(after && { after }) };
    const { count, next, ...page } = await paced(
      attributesFilledAt ? SOURCE_TIME_FRACTION : 1,
      signal,
      async () => {
        const page = await applyPage(context, query);
        // Read members now: the incremental sync will not see these images again.
        await readMembers(context, page.changedShared);
        if (!attributesFilledAt) await readMembers(context, await mirror.withoutMemberTimes(page.shared));
        return page;
      },
    );
    images += count;
    unreadable += page.unreadable;
    if (next) progress.advance(next);
    else progress = new PageProgress();
    isLast = !next && hidden;
    place = next ? { ...place, after: next } : { ...place, hidden: true, after: null };
    if (!isLast) await mirror.advance({ fullSync: place }, lease);
  }
  if (signal.aborted) return;
  const { acceptsRemovals } = await mirror.progress();
  const refusedRemovals = await removeMissing(context, place.ticket, acceptsRemovals);
  const { drawnAt } = await mirror.draw();
  // An --accept-removals given after it was read applies to the next full sync.
  const accepted = acceptsRemovals && { acceptsRemovals: false };
  const ended = { fullSync: null, fullSyncAt: drawnAt, attributesFilledAt: drawnAt };
  // It has read what became of them.
  if (place.beganAt) await pending.giveUp(new Date(place.beganAt.getTime() - LAST_CHANGE_AFTER_MS));
  await mirror.advance({ ...ended, refusedRemovals, ...accepted }, lease);
  observe('full-sync-ended', { images, leftOut: unreadable, seconds: (performance.now() - began) / 1000 });
}

async function beginning({ mirror }: SyncContext): Promise<FullSync> {
  const { number: ticket, drawnAt: beganAt } = await mirror.draw();
  return { ticket, beganAt, hidden: false, after: null };
}
