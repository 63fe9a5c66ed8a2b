import { InvalidOptions } from '@glimpse/options';
import { type ImageSource } from '@glimpse/plugins';
import { StoredMirror, StoredPendingChanges, openDatabase, type Database } from '@glimpse/store';
import type { EffectiveSettings } from '../../settings/settings.js';
import { reachDatabase, requireMigrations } from '../../startup/database.js';
import { loadSource, refuseOtherImages } from '../../startup/source.js';
import { CLOSE_DEADLINE_MS, atMost } from '../../startup/stop-signal.js';
import type { Telemetry } from '../../telemetry/telemetry.js';

/** Connections: of the lease, and of concurrent reads. */
const POOL_SIZE = 6;
/** A page of a thousand images is written within this time; once a full sync all are counted. */
const QUERY_DEADLINE_MS = 10_000;

/** Ensures that a database holds nothing but a mirror of this build. */
type Prepare = (database: Database, mirror: StoredMirror) => Promise<void>;

/**
 * Runs something on the configured source and its mirror.
 *
 * @param prepare runs before; by default a database without migrations or with other images is an error
 */
export async function withMirror(
  settings: EffectiveSettings,
  telemetry: Telemetry,
  use: (source: ImageSource, mirror: StoredMirror, pending: StoredPendingChanges) => Promise<void>,
  prepare: Prepare = async (database, mirror) => {
    await requireMigrations(database);
    await refuseOtherImages(mirror, settings);
  },
): Promise<void> {
  const source = await loadSource(settings, telemetry);
  if (!source) throw new InvalidOptions(['GLIMPSE_SOURCE is missing: there is nothing to follow']);
  const { url, pooler, leave } = await reachDatabase(settings, { service: false });
  const database = openDatabase({ url, pooler, poolSize: POOL_SIZE, queryTimeoutMs: QUERY_DEADLINE_MS });
  try {
    const mirror = new StoredMirror(database);
    await prepare(database, mirror);
    await use(source, mirror, new StoredPendingChanges(database));
  } finally {
    await atMost(CLOSE_DEADLINE_MS, database.close());
    await leave();
  }
}
