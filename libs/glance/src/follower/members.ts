import type { SourceMembers, Ticket } from '@glimpse/domain';
import { paced, requireSight, type Following } from './following.js';

/** How many images' members are read at once. */
const AT_ONCE = 4;

/** In how many rounds it is looked once whether images that had no members have any. */
const SLOW = 10;
/** How many images' members are read in a turn. */
const TURN = 20;

/**
 * Reads the members of images, and has the mirror take them when the source shows this service everything: it
 * might have shown none, or only some.
 */
export async function readMembers(following: Following, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  const { source, mirror, observe, lease, signal } = following;
  const read = async (imageId: string): Promise<{ ticket: Ticket; members: SourceMembers }> => {
    const ticket = await mirror.draw();
    // An image that is gone has none: whether it is, a walk finds out.
    return { ticket, members: (await source.members(imageId, signal)) ?? { imageId, members: new Map() } };
  };
  const answers: Awaited<ReturnType<typeof read>>[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    answers.push(...(await Promise.all(ids.slice(from, from + AT_ONCE).map(read))));
  }
  await requireSight(following);
  for (const { ticket, members } of answers) {
    const { length: count } = await mirror.takeMembers([members], ticket, lease);
    if (count > 0) observe('source-followed', { kind: 'members', count });
  }
}

/**
 * Reads a turn of the members that are due: that somebody was added or removed shows nowhere else. New shares of
 * images that had none may show late; those that were withdrawn must not stay.
 *
 * @param round seconds after which members are read again of images that have any
 * @returns whether any were due
 */
export async function readDueMembers(following: Following, round: number): Promise<boolean> {
  // Each with the share of the source's time that it may take.
  const turns = [
    { kind: 'some', age: round, share: 0.1 },
    { kind: 'unread', age: 0, share: 0.5 },
    { kind: 'none', age: SLOW * round, share: 0.05 },
  ] as const;
  let any = false;
  for (const { share, ...due } of turns) {
    const ids = await following.mirror.membersDue({ ...due, limit: TURN });
    if (ids.length === 0) continue;
    any = true;
    await paced(share, following.signal, () => readMembers(following, ids));
  }
  return any;
}
