import { printable, type MembersStaleness } from '@glimpse/domain';
import type { StoredMirror } from '@glimpse/store';
import type { EffectiveSettings } from '../../settings/settings.js';
import { Telemetry } from '../../telemetry/telemetry.js';
import { withMirror } from './with-mirror.js';

/** The state of the mirror, for programs. */
interface MirrorStatus {
  /** Host and process id of the active follower; null: there is none. */
  readonly follower: string | null;
  readonly images: number;
  /** Whether the first full sync has ended; until then lists are unavailable. */
  readonly complete: boolean;
  /** Whether every attribute has been read since release 0.1 followed; until then the Image API has no lists. */
  readonly attributesFilled: boolean;
  /** Seconds since the last incremental sync; null: never. */
  readonly incrementalSyncAge: number | null;
  /** The end of the last full sync; null: none has ended. */
  readonly fullSyncAt: string | null;
  /** The position of the running full sync; null: none is running. */
  readonly fullSync: { readonly hidden: boolean; readonly after: string | null } | null;
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
    incrementalSyncAge: Number.isFinite(age) ? age : null,
    fullSyncAt: fullSyncAt?.toISOString() ?? null,
    fullSync: fullSync && { hidden: fullSync.hidden, after: fullSync.after?.id ?? null },
    members: await mirror.membersStaleness(),
    refusedRemovals,
    acceptsRemovals,
  };
}

function linesOf(status: MirrorStatus): Record<string, string> {
  const { follower, images, complete, attributesFilled, incrementalSyncAge, fullSyncAt, fullSync, members } =
    status;
  const { unread, oldest, oldestNone } = members;
  const position =
    fullSync && `${fullSync.hidden ? 'hidden images' : 'images'} after ${fullSync.after ?? 'the first'}`;
  const missing = !complete ? ', not all yet' : attributesFilled ? '' : ', not all attributes yet';
  return {
    follower: follower ?? 'none',
    images: `${images}${missing}`,
    'last incremental sync': incrementalSyncAge === null ? 'never' : `${incrementalSyncAge.toFixed(1)} s ago`,
    'last full sync': `${fullSyncAt ?? 'never'}${position ? `, one is running: ${position}` : ''}`,
    members:
      `the oldest were read ${Math.round(oldest)} s ago, of images without any ${Math.round(oldestNone)} s ago, ` +
      `of ${unread} images never`,
    'refused removals': `${status.refusedRemovals}${status.acceptsRemovals ? ', accepted by the next full sync' : ''}`,
  };
}

/** The names of release 0.1, deprecated, which scripts may read. */
function formerNamesOf({ incrementalSyncAge, fullSyncAt, fullSync }: MirrorStatus): object {
  return { lastLookAge: incrementalSyncAge, lastWalk: fullSyncAt, walk: fullSync };
}

/**
 * Prints the state of the mirror.
 *
 * @param json whether as a JSON object in one line
 * @returns whether a process follows the source
 */
export async function printStatus(settings: EffectiveSettings, json: boolean): Promise<boolean> {
  let follows = false;
  await withMirror(settings, new Telemetry(settings.log), async (_source, mirror) => {
    const status = await statusOf(mirror);
    follows = status.follower !== null;
    if (json) return console.log(printable(JSON.stringify({ ...status, ...formerNamesOf(status) })));
    for (const [name, text] of Object.entries(linesOf(status))) {
      console.log(`${`${name}:`.padEnd(23)}${printable(text)}`);
    }
  });
  return follows;
}
