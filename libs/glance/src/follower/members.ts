import type { MembersDue } from '@glimpse/domain';
import { paced, requireSight, type Following } from './following.js';

/** How many images' members are read at once. */
const AT_ONCE = 4;

/** What is read in turns: how long a reading lasts, in seconds, and the share of the source's time it may take. */
const ROUNDS: readonly (Omit<MembersDue, 'limit'> & { readonly share: number })[] = [
  { kind: 'some', age: 60, share: 0.1 },
  { kind: 'unread', age: 0, share: 0.5 },
  { kind: 'none', age: 3_600, share: 0.05 },
];
/** How many images' members are read in a turn. */
const TURN = 20;

/**
 * Reads the members of images, and has the mirror take them when the source shows this service everything: it
 * might have shown none, or only some.
 */
export async function readMembers(following: Following, ids: readonly string[]): Promise<void> {
  const { source, mirror, observe, lease, signal } = following;
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const answers = await Promise.all(
      ids.slice(from, from + AT_ONCE).map(async (imageId) => {
        const ticket = await mirror.draw();
        // An image that is gone has none: whether it is, a walk finds out.
        const members = (await source.members(imageId, signal)) ?? { imageId, members: new Map() };
        return { ticket, members };
      }),
    );
    await requireSight(following);
    for (const { ticket, members } of answers) {
      const { length: count } = await mirror.takeMembers([members], ticket, lease);
      if (count > 0) observe('source-followed', { kind: 'members', count });
    }
  }
}

/**
 * Reads a turn of the members that are due: that somebody was added or removed shows nowhere else.
 *
 * @returns whether any were
 */
export async function readDueMembers(following: Following): Promise<boolean> {
  let any = false;
  for (const { share, ...due } of ROUNDS) {
    const ids = await following.mirror.membersDue({ ...due, limit: TURN });
    if (ids.length === 0) continue;
    any = true;
    await paced(share, following.signal, () => readMembers(following, ids));
  }
  return any;
}
