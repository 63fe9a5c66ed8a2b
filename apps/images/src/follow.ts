import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable, SourceUnavailable } from '@glimpse/domain';
import { Follower, compareCatalogues, type MirrorObservations } from '@glimpse/glance';
import { InvalidOptions, type ImageSource } from '@glimpse/plugins';
import { StoredMirror, openDatabase, type Database } from '@glimpse/store';
import type { EffectiveSettings } from './config/settings.js';
import { reachDatabase, requireMigrations } from './database.js';
import { DatabaseProbe } from './health/database-probe.js';
import { loadSource, refuseOtherImages } from './source.js';
import { serveMetrics } from './telemetry/metrics-server.js';
import { exposeFollower } from './telemetry/mirror-metrics.js';
import { Telemetry } from './telemetry/telemetry.js';
import { VERSION } from './version.js';

/** Connections: of the lease, and of what is read at once. */
const POOL = 6;
/** Milliseconds that a statement has: a page of a thousand images is written, and once a walk all are counted. */
const DEADLINE = 10_000;
/** Milliseconds until it is looked again whether the database is there. */
const AGAIN = 200;

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
    await database.close();
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

/** Says how the mirror stands. */
export function printStatus(settings: EffectiveSettings): Promise<void> {
  return withMirror(settings, telemetryOf(settings), async (_source, mirror) => {
    const { complete, age } = await mirror.lastLook();
    const { holder, walk, walkedAt, refusedRemovals, acceptsRemovals } = await mirror.progress();
    const { unread, oldest } = await mirror.membersStanding();
    const walking =
      walk && `${walk.hidden ? 'hidden images' : 'images'} after ${walk.after?.id ?? 'the first'}`;
    const lines = {
      follower: holder ?? 'nobody',
      images: `${await mirror.count()}${complete ? '' : ', not all yet'}`,
      'last look': Number.isFinite(age) ? `${age.toFixed(1)} s ago` : 'never',
      'last walk': `${walkedAt?.toISOString() ?? 'never'}${walking ? `, one is under way: ${walking}` : ''}`,
      members: `the oldest were read ${Math.round(oldest)} s ago, of ${unread} images never`,
      'refused removals': `${refusedRemovals}${acceptsRemovals ? ', accepted by the next walk' : ''}`,
    };
    for (const [name, text] of Object.entries(lines)) console.log(`${`${name}:`.padEnd(18)}${text}`);
  });
}

/** Lets the next walk remove what is gone, however much it is. */
export function acceptRemovals(settings: EffectiveSettings): Promise<void> {
  return withMirror(settings, telemetryOf(settings), async (_source, mirror) => {
    await mirror.acceptRemovals();
    console.log('the next walk removes what is gone');
  });
}

/**
 * Compares all of the catalogue with all of the source, prints each difference, and tries whether the source takes
 * changes from here.
 *
 * @returns whether all is as it should be; what could not be tried is no fault
 */
export async function check(settings: EffectiveSettings): Promise<boolean> {
  let differences = 0;
  let distrust: Distrust = {};
  await withMirror(settings, telemetryOf(settings), async (source, mirror) => {
    const blindness = await source.blindness();
    if (blindness !== undefined)
      throw new InvalidOptions([`the source cannot be compared with: ${blindness}`]);
    const tried = tryTrust(source);
    for await (const difference of compareCatalogues(source, mirror)) {
      differences++;
      console.log(difference);
    }
    distrust = await tried;
  });
  const { refused, untried } = distrust;
  if (refused)
    console.log(`the source refuses changes from here: ${refused}; see "Glance's side" in docs/glance.md`);
  if (untried) console.log(`whether the source takes changes from here could not be tried: ${untried}`);
  console.log(differences === 0 ? 'no differences' : `${differences} differences`);
  return differences === 0 && !refused;
}

/** Why changes from here are refused, or why that is not known. */
interface Distrust {
  readonly refused?: string | undefined;
  readonly untried?: string;
}

/** It takes seconds, and the comparison need not wait for it. */
async function tryTrust(source: ImageSource): Promise<Distrust> {
  try {
    return { refused: await source.distrust?.() };
  } catch (error) {
    if (error instanceof SourceUnavailable) return { untried: error.reason };
    throw error;
  }
}
