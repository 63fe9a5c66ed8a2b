import { Readable } from 'node:stream';
import { InvalidOptions } from '@glimpse/options';
import {
  migrate,
  missingMigrations,
  openDatabase,
  orUnavailable,
  type Database,
  type Pooler,
} from '@glimpse/store';
import { openEmbedded } from '@glimpse/store/embedded';
import type { EffectiveSettings } from '../settings/settings.js';
import { SAMPLES } from '../development/samples.js';
import { importCatalogue } from '../import/import-catalogue.js';
import { aborted, stopSignal } from './stop-signal.js';

/** The PostgreSQL that the settings configure. */
export interface CatalogueDatabase {
  readonly url: string;
  /** The pooler that `url` leads to. */
  readonly pooler?: Pooler | undefined;
  /** Releases it; an embedded one stops with its last user. */
  leave(): Promise<void>;
}

/**
 * Opens the database: that of `DATABASE_URL`, or the embedded one, which is started and migrated.
 *
 * @param service whether this process is the service; an embedded database serves one at a time
 * @throws {EmbeddedDatabaseError}
 */
export async function reachDatabase(
  { database, data_dir, samples, source }: EffectiveSettings,
  { service }: { service: boolean },
): Promise<CatalogueDatabase> {
  if (database.url) {
    // Other commands send few queries, and hold session locks, which do not work behind a transaction pooler.
    const direct = service ? undefined : database.listen_url;
    const leave = (): Promise<void> => Promise.resolve();
    return direct ? { url: direct, leave } : { url: database.url, pooler: database.pooler, leave };
  }
  const embedded = await openEmbedded({ folder: data_dir, service });
  try {
    await orUnavailable(() => migrate(embedded.url));
    if (service && samples === 'on' && !source.use) await importSamples(embedded.url);
  } catch (error) {
    await embedded.leave();
    throw error;
  }
  return embedded;
}

/**
 * Uses the database, and releases it in every case: success, failure, or a signal to stop.
 *
 * @param onStopped describes the progress at the signal, and how to continue
 */
export async function withDatabase(
  settings: EffectiveSettings,
  use: (reached: CatalogueDatabase) => Promise<void>,
  onStopped: () => string,
): Promise<void> {
  const stop = stopSignal();
  const reached = await reachDatabase(settings, { service: false });
  try {
    await Promise.race([use(reached), aborted(stop)]);
  } finally {
    if (stop.aborted) process.stderr.write(`glimpse: stopped by ${String(stop.reason)}: ${onStopped()}\n`);
    try {
      await reached.leave();
    } finally {
      if (stop.aborted) process.exit(1);
    }
  }
}

/**
 * Refuses a database that lacks migrations of this build.
 *
 * @throws {InvalidOptions} {DatabaseUnavailable}
 */
export async function requireMigrations({ pool }: Database): Promise<void> {
  const missing = await orUnavailable(() => missingMigrations(pool));
  if (missing.length === 0) return;
  throw new InvalidOptions([`the database lacks ${missing.join(', ')}: run glimpse migrate first`]);
}

/** Fills a catalogue that never had an image. */
async function importSamples(url: string): Promise<void> {
  const database = openDatabase({ url, poolSize: 1 });
  try {
    const { rowCount } = await database.pool.query('SELECT FROM images LIMIT 1');
    if (rowCount) return;
    await importCatalogue(database.pool, Readable.from([Buffer.from(JSON.stringify(SAMPLES))]), {
      force: false,
      onBad: (message) => {
        throw new Error(`a sample image is bad: ${message}`);
      },
      onProgress: () => undefined,
    });
  } finally {
    await database.close();
  }
}
