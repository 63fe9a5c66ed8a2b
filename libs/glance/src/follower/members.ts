import type { SourceMembers, Ticket } from '@glimpse/domain';
import { paced, pause, requireSight, type Following } from './following.js';

/** How many images' members are read at once. */
const AT_ONCE = 4;

/** How many images' members are read in a turn. */
const TURN = 20;
/** Milliseconds until it is looked again whether members are due. */
const NOTHING_DUE = 1_000;
/**
 * The share of the source's time that reading members may take: of images that have any, of those of which they
 * were never read, and of those that had none. New shares of these may show late; those that were withdrawn must
 * not stay.
 */
const SHARES = { some: 0.1, unread: 0.5, none: 0.05 } as const;

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

/** Of which images members are due, each kind by itself: {@link readDueMembers}. */
export const KINDS_DUE = Object.keys(SHARES) as (keyof typeof SHARES)[];

/**
 * Reads a turn of the members that are due, if any are: that somebody was added or removed shows nowhere else.
 *
 * @param round seconds after which members are read again
 */
export async function readDueMembers(
  following: Following,
  kind: keyof typeof SHARES,
  round: number,
): Promise<void> {
  const { mirror, signal } = following;
  const ids = await mirror.membersDue({ kind, age: kind === 'unread' ? 0 : round, limit: TURN });
  if (ids.length === 0) return pause(NOTHING_DUE, signal);
  await paced(SHARES[kind], signal, () => readMembers(following, ids));
}
