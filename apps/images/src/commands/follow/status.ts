import { printable, type MembersStaleness } from '@glimpse/domain';
import type { StoredMirror } from '@glimpse/store';
import type { EffectiveSettings } from '../../settings/settings.js';
import { telemetryOf, withMirror } from './with-mirror.js';

/** The state of the mirror, for programs: scripts rely on these names, older than `full sync` and `incremental sync`. */
interface MirrorStatus {
  /** Host and process id of the active follower; null: there is none. */
  readonly follower: string | null;
  readonly images: number;
  /** Whether the first full sync has ended; until then lists are unavailable. */
  readonly complete: boolean;
  /** Whether every attribute has been read since release 0.1 followed; until then the Image API has no lists. */
  readonly attributesFilled: boolean;
  /** Seconds since the last incremental sync; null: never. */
  readonly lastLookAge: number | null;
  readonly lastWalk: string | null;
  /** The position of the running full sync; null: none is running. */
  readonly walk: { readonly hidden: boolean; readonly after: string | null } | null;
  readonly members: MembersStaleness;
  readonly refusedRemovals: number;
  readonly acceptsRemovals: boolean;
}

async function statusOf(mirror: StoredMirror): Promise<MirrorStatus> {
  const { complete, attributesFilled, age } = await mirror.syncStatus();
  const { holder, fullSync, fullSyncAt, refusedRemovals, acceptsRemovals } = await mirror.progress();
  return {
    follower: holder,
    images: await mirror.count(),
    complete,
    attributesFilled,
    lastLookAge: Number.isFinite(age) ? age : null,
    lastWalk: fullSyncAt?.toISOString() ?? null,
    walk: fullSync && { hidden: fullSync.hidden, after: fullSync.after?.id ?? null },
    members: await mirror.membersStaleness(),
    refusedRemovals,
    acceptsRemovals,
  };
}

function linesOf(status: MirrorStatus): Record<string, string> {
  const { follower, images, complete, attributesFilled, lastLookAge, lastWalk, walk, members } = status;
  const { unread, oldest, oldestNone } = members;
  const position = walk && `${walk.hidden ? 'hidden images' : 'images'} after ${walk.after ?? 'the first'}`;
  const missing = !complete ? ', not all yet' : attributesFilled ? '' : ', not all attributes yet';
  return {
    follower: follower ?? 'none',
    images: `${images}${missing}`,
    'last incremental sync': lastLookAge === null ? 'never' : `${lastLookAge.toFixed(1)} s ago`,
    'last full sync': `${lastWalk ?? 'never'}${position ? `, one is running: ${position}` : ''}`,
    members:
      `the oldest were read ${Math.round(oldest)} s ago, of images without any ${Math.round(oldestNone)} s ago, ` +
      `of ${unread} images never`,
    'refused removals': `${status.refusedRemovals}${status.acceptsRemovals ? ', accepted by the next full sync' : ''}`,
  };
}

/**
 * Prints the state of the mirror.
 *
 * @param json whether as a JSON object in one line
 * @returns whether a process follows the source
 */
export async function printStatus(settings: EffectiveSettings, json: boolean): Promise<boolean> {
  let follows = false;
  await withMirror(settings, telemetryOf(settings), async (_source, mirror) => {
    const status = await statusOf(mirror);
    follows = status.follower !== null;
    if (json) return console.log(printable(JSON.stringify(status)));
    for (const [name, text] of Object.entries(linesOf(status))) {
      console.log(`${`${name}:`.padEnd(23)}${printable(text)}`);
    }
  });
  return follows;
}
