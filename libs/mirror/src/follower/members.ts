import { SourceUnavailable, type SourceMembers, type Ticket } from '@glimpse/domain';
import { readableMembers } from '../mirror/apply-image.js';
import { paced, pause } from './retry-loop.js';
import { requireFullVisibility, type SyncContext } from './sync-context.js';

/** How many images' members are read at a time. */
const CONCURRENCY = 4;
/** How many images' members are read before other work of their group. */
const BATCH = 20;
/** Between two checks for due members, while none are due. */
const IDLE_INTERVAL_MS = 1_000;
/**
 * The fraction of the source's time for each group: images with members, images whose members were never read, and
 * images without members. A delay is acceptable for a new share; a revoked one must disappear quickly, so images with
 * members are refreshed most.
 */
const SOURCE_TIME_FRACTIONS = { some: 0.1, unread: 0.5, none: 0.05 } as const;

type MemberGroup = keyof typeof SOURCE_TIME_FRACTIONS;

/** The groups of images whose members are refreshed, each on its own schedule: {@link readDueMembers}. */
export const MEMBER_GROUPS = Object.keys(SOURCE_TIME_FRACTIONS) as MemberGroup[];

/**
 * Reads the members of images and applies them, if the source shows this service everything: otherwise it might omit
 * some. The members of an image that cannot be read stay as they are, and due.
 *
 * @returns an error for each image whose members could not be read
 */
export async function readMembers(
  context: SyncContext,
  ids: readonly string[],
): Promise<readonly SourceUnavailable[]> {
  const { mirror, observe, lease } = context;
  const read: MembersRead[] = [];
  const failures: SourceUnavailable[] = [];
  for (let from = 0; from < ids.length; from += CONCURRENCY) {
    const batch = ids.slice(from, from + CONCURRENCY);
    for (const result of await Promise.all(batch.map((id) => membersOf(context, id)))) {
      if (result instanceof SourceUnavailable) failures.push(result);
      else read.push(result);
    }
  }
  if (read.length > 0) await requireFullVisibility(context);
  for (const { ticket, members } of read) {
    const { length: count } = await mirror.applyMembers([members], ticket, lease);
    if (count > 0) observe('source-followed', { kind: 'members', count });
  }
  return failures;
}

interface MembersRead {
  readonly ticket: Ticket;
  readonly members: SourceMembers;
}

async function membersOf(context: SyncContext, imageId: string): Promise<MembersRead | SourceUnavailable> {
  const { mirror, observe, signal } = context;
  const ticket = await mirror.draw();
  try {
    // An image that is gone has no members; the full sync removes it.
    const members = await readableMembers(context, imageId, signal);
    return { ticket, members: members ?? { imageId, members: new Map() } };
  } catch (error) {
    if (!(error instanceof SourceUnavailable) || signal.aborted) throw error;
    observe('source-image-bad', { problem: `members of image ${imageId}: ${error.reason}` });
    return error;
  }
}

/**
 * Reads a batch of the members that are due. A share that was added or revoked does not change the image, so no other
 * sync sees it.
 *
 * @param round seconds after which members are read again
 */
export async function readDueMembers(context: SyncContext, group: MemberGroup, round: number): Promise<void> {
  const { mirror, signal } = context;
  const ids = await mirror.membersDue({ kind: group, age: group === 'unread' ? 0 : round, limit: BATCH });
  if (ids.length === 0) return pause(IDLE_INTERVAL_MS, signal);
  const failures = await paced(SOURCE_TIME_FRACTIONS[group], signal, () => readMembers(context, ids));
  if (failures.length === ids.length) throw failures[0]!;
}
