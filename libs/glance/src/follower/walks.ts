import type { Walk } from '@glimpse/domain';
import { paced, type Following } from './following.js';
import { readMembers } from './members.js';
import { removeUnnamed } from './removals.js';
import { takePage } from './take-page.js';

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
  for (let ended = false; !ended && !signal.aborted;) {
    const { hidden, after } = place;
    const query = { hidden, ...(after && { after }) };
    const { count, next } = await paced(walkedAt ? SHARE : 1, signal, async () => {
      const page = await takePage(following, query);
      // Of what is new they come after the images; of what has changed no look will read them any more.
      await readMembers(following, page.changedShared);
      return page;
    });
    images += count;
    ended = !next && hidden;
    place = next ? { ...place, after: next } : { ...place, hidden: true, after: null };
    if (!ended) await mirror.advance({ walk: place }, lease);
  }
  if (signal.aborted) return;
  const { acceptsRemovals } = await mirror.progress();
  const refusedRemovals = await removeUnnamed(following, place.ticket, acceptsRemovals);
  const { drawnAt } = await mirror.draw();
  // Who accepts them after it was asked means the next walk's.
  const accepted = acceptsRemovals && { acceptsRemovals: false };
  await mirror.advance({ walk: null, walkedAt: drawnAt, refusedRemovals, ...accepted }, lease);
  observe('source-walked', { images, seconds: (performance.now() - began) / 1000 });
}
