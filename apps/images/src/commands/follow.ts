import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable, printable, type MembersStanding } from '@glimpse/domain';
import { Follower, compareCatalogues, type MirrorObservations } from '@glimpse/mirror';
import { InvalidOptions } from '@glimpse/options';
import type { ImageSource, SourceQuery } from '@glimpse/plugins';
import { StoredMirror, openDatabase, type Database } from '@glimpse/store';
import { loadImagePolicy } from '../access/load-image-policy.js';
import { checkSource, type SourceFindings } from './check-source.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { checkProtections } from './check-protections.js';
import { reachDatabase, requireMigrations } from '../startup/database.js';
import { DatabaseProbe } from '../health/database-probe.js';
import { loadSource, refuseOtherImages } from '../startup/source.js';
import { CLOSE_DEADLINE_MS, atMost } from '../startup/stop-signal.js';
import { serveMetrics } from '../http/metrics-server.js';
import { exposeFollower } from '../telemetry/mirror-metrics.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { VERSION } from '../settings/version.js';

/** Connections: of the lease, and of what is read at once. */
const POOL = 6;
/** Milliseconds that a statement has: a page of a thousand images is written, and once a walk all are counted. */
const DEADLINE = 10_000;
/** Milliseconds until it is looked again whether the database is there. */
const AGAIN = 200;
/** How often a comparison reads the same thing, and what it waits before the second attempt; more before others. */
const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 1_000;

/** Makes sure that a database holds nothing but a mirror of this build. */
type Prepare = (database: Database, mirror: StoredMirror) => Promise<void>;

/**
 * Does something with the source that the settings name, and its mirror.
 *
 * @param prepare what goes before; unless given, a database that is not as it should be is an error
 */
async function withMirror(
  settings: EffectiveSettings,
  telemetry: Telemetry,
  use: (source: ImageSource, mirror: StoredMirror) => Promise<void>,
  prepare: Prepare = async (database, mirror) => {
    await requireMigrations(database);
    await refuseOtherImages(mirror, settings);
  },
): Promise<void> {
  const source = await loadSource(settings, telemetry);
  if (!source) throw new InvalidOptions(['GLIMPSE_SOURCE is missing: there is nothing to follow']);
  const { url, pooler, leave } = await reachDatabase(settings, { service: false });
  const database = openDatabase({ url, pooler, poolSize: POOL, queryDeadline: DEADLINE });
  try {
    const mirror = new StoredMirror(database);
    await prepare(database, mirror);
    await use(source, mirror);
  } finally {
    await atMost(CLOSE_DEADLINE_MS, database.close());
    await leave();
  }
}

function telemetryOf({ log: { level, requests } }: EffectiveSettings): Telemetry {
  return new Telemetry({ level, requests, version: VERSION });
}

/** Follows the source until told to stop. The source and the database may be away at any time. */
export async function follow(settings: EffectiveSettings, stop: AbortSignal): Promise<void> {
  const telemetry = telemetryOf(settings);
  const metrics = await serveMetrics(telemetry, settings);
  try {
    await withMirror(
      settings,
      telemetry,
      async (source, mirror) => {
        let follows = false;
        exposeFollower(telemetry, mirror, () => follows);
        const { interval, overlap, round } = settings.source;
        const follower = new Follower({
          source,
          mirror,
          interval,
          overlap,
          round,
          holder: `${hostname()} ${process.pid}`,
          observe(name, known) {
            if (name === 'follower-began') follows = true;
            if (name === 'follower-stands-by') follows = false;
            telemetry.observe<keyof MirrorObservations>(name, known);
          },
        });
        await follower.run(stop);
      },
      async (database, mirror) => {
        await untilSchemaSeen(database, telemetry, stop);
        await untilAsked(() => refuseOtherImages(mirror, settings), stop);
      },
    );
  } catch (error) {
    if (!stop.aborted) throw error;
  } finally {
    metrics?.close();
  }
  telemetry.observe('stopped', {});
  await telemetry.flush();
}

/** Waits for the database, and for the migrations of this build, as the service does. */
async function untilSchemaSeen(database: Database, telemetry: Telemetry, stop: AbortSignal): Promise<void> {
  const probe = new DatabaseProbe(database, telemetry);
  const over = new AbortController();
  const watched = probe.watch(over.signal);
  try {
    while (!probe.schemaSeen) await sleep(AGAIN, undefined, { signal: stop });
  } finally {
    over.abort();
    await watched;
  }
}

/** Does something as soon as the database can be asked. */
async function untilAsked(work: () => Promise<void>, stop: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
      await sleep(AGAIN, undefined, { signal: stop });
    }
  }
}

/** How the mirror stands, for programs. Its names stay. */
interface MirrorStatus {
  /** The host and process that follows; null: none does. */
  readonly follower: string | null;
  readonly images: number;
  /** Whether all images were read once; until then there are no lists. */
  readonly complete: boolean;
  /** Seconds since all that had changed was last read; null: never. */
  readonly lastLookAge: number | null;
  readonly lastWalk: string | null;
  /** Where the walk is that is under way. */
  readonly walk: { readonly hidden: boolean; readonly after: string | null } | null;
  readonly members: MembersStanding;
  readonly refusedRemovals: number;
  readonly acceptsRemovals: boolean;
}

async function statusOf(mirror: StoredMirror): Promise<MirrorStatus> {
  const { complete, age } = await mirror.lastLook();
  const { holder, walk, walkedAt, refusedRemovals, acceptsRemovals } = await mirror.progress();
  return {
    follower: holder,
    images: await mirror.count(),
    complete,
    lastLookAge: Number.isFinite(age) ? age : null,
    lastWalk: walkedAt?.toISOString() ?? null,
    walk: walk && { hidden: walk.hidden, after: walk.after?.id ?? null },
    members: await mirror.membersStanding(),
    refusedRemovals,
    acceptsRemovals,
  };
}

function linesOf(status: MirrorStatus): Record<string, string> {
  const { follower, images, complete, lastLookAge, lastWalk, walk, members } = status;
  const { unread, oldest, oldestNone } = members;
  const walking = walk && `${walk.hidden ? 'hidden images' : 'images'} after ${walk.after ?? 'the first'}`;
  return {
    follower: follower ?? 'none',
    images: `${images}${complete ? '' : ', not all yet'}`,
    'last look': lastLookAge === null ? 'never' : `${lastLookAge.toFixed(1)} s ago`,
    'last walk': `${lastWalk ?? 'never'}${walking ? `, one is under way: ${walking}` : ''}`,
    members:
      `the oldest were read ${Math.round(oldest)} s ago, of images without any ${Math.round(oldestNone)} s ago, ` +
      `of ${unread} images never`,
    'refused removals': `${status.refusedRemovals}${status.acceptsRemovals ? ', accepted by the next walk' : ''}`,
  };
}

/**
 * Prints how the mirror stands.
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
      console.log(`${`${name}:`.padEnd(18)}${printable(text)}`);
    }
  });
  return follows;
}

/** Lets the next walk remove what it does not find, and the source does not confirm as gone. */
export function acceptRemovals(settings: EffectiveSettings): Promise<void> {
  return withMirror(settings, telemetryOf(settings), async (_source, mirror) => {
    await mirror.acceptRemovals();
    console.log('the next walk removes what it does not find, whether or not the source confirms it as gone');
  });
}

/**
 * Compares all of the catalogue with all of the source, prints each difference, and tests whether the source accepts
 * changes from here and has the policy that is in effect here.
 *
 * @returns whether all is as it should be; what could not be tested is no fault
 */
export async function check(settings: EffectiveSettings): Promise<boolean> {
  const policy = loadImagePolicy(settings);
  let differences = 0;
  let findings: SourceFindings = { wrong: [], untested: [] };
  const { hidden, untried: hiddenUntried } = await checkProtections(settings);
  await withMirror(settings, telemetryOf(settings), async (source, mirror) => {
    const blindness = await repeated(() => source.blindness());
    if (blindness !== undefined)
      throw new InvalidOptions([`the source cannot be compared with: ${blindness}`]);
    // It takes seconds, and the comparison need not wait for it.
    const checked = checkSource(source, policy);
    checked.catch(() => undefined);
    const reliable = {
      page: (query: SourceQuery) => repeated(() => source.page(query)),
      members: (id: string) => repeated(() => source.members(id)),
    };
    const stored: Pick<StoredMirror, 'page'> = {
      page: (hidden, limit, after) => repeated(() => mirror.page(hidden, limit, after)),
    };
    const leftOut = new Set<string>();
    for await (const difference of compareCatalogues(reliable, stored, (line) => leftOut.add(line))) {
      differences++;
      console.log(printable(difference));
    }
    for (const line of leftOut) console.log(printable(`left out, for the catalogue cannot hold it: ${line}`));
    findings = await checked;
  });
  const print = (text: string): void => console.log(printable(text));
  const { wrong, untested } = findings;
  for (const line of [...wrong, ...untested]) print(line);
  for (const section of hidden) {
    print(
      `the mirror never has the properties of [${section}]: the service's user lacks the roles that may read them; ` +
        'see "What Glance hides" in docs/glance.md',
    );
  }
  if (hiddenUntried) print(`what Glance hides from the service's user is not known: ${hiddenUntried}`);
  console.log(differences === 0 ? 'no differences' : `${differences} differences`);
  return differences === 0 && wrong.length === 0 && hidden.length === 0;
}

/**
 * Does something again that could not be done: a failure that passes must not end a comparison of minutes.
 *
 * @throws as the last attempt
 */
async function repeated<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable) || attempt === ATTEMPTS) throw error;
      await sleep(attempt * ATTEMPT_PAUSE_MS);
    }
  }
}
