import type { Walk } from '@glimpse/domain';
import { applyPage } from './apply-page.js';
import { paced, type Following } from './following.js';
import { readMembers } from './members.js';
import { removeUnnamed } from './removals.js';
import { PageProgress } from './page-progress.js';

/** The share of the source's time that a walk may take; the first one takes all it gets. */
const SHARE = 0.1;

/**
 * Walks over all images of a source: finds what no look has seen, and what is gone. It goes on where the last
 * one came to, whoever that was.
 */
export async function walk(following: Following): Promise<void> {
  const { mirror, observe, lease, signal } = following;
  const { walk: unfinished, walkedAt } = await mirror.progress();
  let place: Walk = unfinished ?? { ticket: (await mirror.draw()).number, hidden: false, after: null };
  if (!unfinished) await mirror.advance({ walk: place }, lease);

  const began = performance.now();
  let images = 0;
  let unreadable = 0;
  let progress = new PageProgress();
  for (let ended = false; !ended && !signal.aborted;) {
    const { hidden, after } = place;
    const query = { hidden, ...(after && { after }) };
    const { count, next, ...page } = await paced(walkedAt ? SHARE : 1, signal, async () => {
      const page = await applyPage(following, query);
      // Of what is new they come after the images; of what has changed no look will read them any more.
      await readMembers(following, page.changedShared);
      return page;
    });
    images += count;
    unreadable += page.unreadable;
    if (next) progress.advance(next);
    else progress = new PageProgress();
    ended = !next && hidden;
    place = next ? { ...place, after: next } : { ...place, hidden: true, after: null };
    if (!ended) await mirror.advance({ walk: place }, lease);
  }
  if (signal.aborted) return;
  const { acceptsRemovals } = await mirror.progress();
  const refusedRemovals = await removeUnnamed(following, place.ticket, acceptsRemovals);
  const { drawnAt } = await mirror.draw();
  // An --accept-removals that is given after it was read applies to the next walk.
  const accepted = acceptsRemovals && { acceptsRemovals: false };
  await mirror.advance({ walk: null, walkedAt: drawnAt, refusedRemovals, ...accepted }, lease);
  observe('source-walked', { images, leftOut: unreadable, seconds: (performance.now() - began) / 1000 });
}
