import { SourceUnavailable, type SourceMembers, type Ticket } from '@glimpse/domain';
import { readableMembers } from '../mirror/take-image.js';
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
 * might have shown none, or only some. Where it does not show those of one image they stay as they are, and due.
 *
 * @returns why members could not be read, for each image whose were not
 */
export async function readMembers(
  following: Following,
  ids: readonly string[],
): Promise<readonly SourceUnavailable[]> {
  const { mirror, observe, lease } = following;
  const read: MembersAnswer[] = [];
  const failures: SourceUnavailable[] = [];
  for (let from = 0; from < ids.length; from += AT_ONCE) {
    const batch = ids.slice(from, from + AT_ONCE);
    for (const result of await Promise.all(batch.map((id) => membersOf(following, id)))) {
      if (result instanceof SourceUnavailable) failures.push(result);
      else read.push(result);
    }
  }
  if (read.length > 0) await requireSight(following);
  for (const { ticket, members } of read) {
    const { length: count } = await mirror.takeMembers([members], ticket, lease);
    if (count > 0) observe('source-followed', { kind: 'members', count });
  }
  return failures;
}

interface MembersAnswer {
  readonly ticket: Ticket;
  readonly members: SourceMembers;
}

async function membersOf(following: Following, imageId: string): Promise<MembersAnswer | SourceUnavailable> {
  const { mirror, observe, signal } = following;
  const ticket = await mirror.draw();
  try {
    // An image that is gone has none: whether it is, a walk finds out.
    const members = await readableMembers(following, imageId, signal);
    return { ticket, members: members ?? { imageId, members: new Map() } };
  } catch (error) {
    if (!(error instanceof SourceUnavailable) || signal.aborted) throw error;
    observe('source-image-bad', { problem: `members of image ${imageId}: ${error.reason}` });
    return error;
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
  const failures = await paced(SHARES[kind], signal, () => readMembers(following, ids));
  if (failures.length === ids.length) throw failures[0]!;
}
