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

/** The PostgreSQL that the settings mean. */
export interface CatalogueDatabase {
  readonly url: string;
  /** What stands in front of it there. */
  readonly pooler?: Pooler | undefined;
  /** Lets go of it; an embedded one that nobody else uses stops. */
  leave(): Promise<void>;
}

/**
 * Gets at the database: the one of `DATABASE_URL`, or the embedded one, which is brought up to date.
 *
 * @param service whether this is the service, of which an embedded database has one
 * @throws {EmbeddedDatabaseError}
 */
export async function reachDatabase(
  { database, data_dir, samples, source }: EffectiveSettings,
  { service }: { service: boolean },
): Promise<CatalogueDatabase> {
  if (database.url) {
    // What is not the service asks little, and holds locks that a pooler would share out.
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
 * Does something with the database, and leaves it however that ends: done, failed, or stopped by a signal.
 *
 * @param onStopped says what was done by then, and what to do
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
 * Refuses a database that lacks what this build needs.
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
    if ((await database.prisma.image.count()) > 0) return;
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
