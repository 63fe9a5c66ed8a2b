import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueUnavailable } from '@glimpse/domain';
import { Follower, type MirrorObservations } from '@glimpse/mirror';
import type { Database } from '@glimpse/store';
import { DatabaseProbe } from '../../health/database-probe.js';
import { serveMetrics } from '../../http/metrics-server.js';
import type { EffectiveSettings } from '../../settings/settings.js';
import { SourceUrl } from '../../startup/source-url.js';
import { refuseOtherImages } from '../../startup/source.js';
import { exposeFollower } from '../../telemetry/mirror-metrics.js';
import { Telemetry } from '../../telemetry/telemetry.js';
import { withMirror } from './with-mirror.js';

/** Time between two checks whether the database is available. */
const RETRY_INTERVAL_MS = 200;

/** Keeps the mirror in sync until `stop`. The source and the database may be unavailable at any time. */
export async function follow(settings: EffectiveSettings, stop: AbortSignal): Promise<void> {
  const telemetry = new Telemetry(settings.log);
  const metrics = await serveMetrics(telemetry, settings);
  try {
    await withMirror(
      settings,
      telemetry,
      async (source, mirror, pending) => {
        let follows = false;
        exposeFollower(telemetry, mirror, pending, () => follows);
        const { interval, overlap, round } = settings.source;
        const follower = new Follower({
          source,
          mirror,
          pending,
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
        const sourceUrl = new SourceUrl(source, settings);
        await Promise.all([follower.run(stop), sourceUrl.watch(mirror, stop)]);
      },
      async (database, mirror) => {
        await untilSchemaSeen(database, telemetry, stop);
        await untilAvailable(() => refuseOtherImages(mirror, settings), stop);
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
    while (!probe.schemaSeen) await sleep(RETRY_INTERVAL_MS, undefined, { signal: stop });
  } finally {
    over.abort();
    await watched;
  }
}

/** Runs something as soon as the database is available. */
async function untilAvailable(work: () => Promise<void>, stop: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable)) throw error;
      await sleep(RETRY_INTERVAL_MS, undefined, { signal: stop });
    }
  }
}

/** Lets the next full sync remove images that are missing at the source and not confirmed as gone. */
export function acceptRemovals(settings: EffectiveSettings): Promise<void> {
  return withMirror(settings, new Telemetry(settings.log), async (_source, mirror) => {
    await mirror.acceptRemovals();
    console.log(
      'the next full sync removes all missing images, whether or not the source confirms them as gone',
    );
  });
}
