import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { findBinaries } from './binaries.js';
import { Cluster, type Postmaster } from './cluster.js';
import { EmbeddedDatabaseError } from './errors.js';

export { EmbeddedDatabaseError };

/** Held, shared, by everybody who uses the server: whoever gets it alone is the last. */
const USERS_LOCK = 0x676c7573;
/** Held by the one service that runs on the folder. */
const SERVICE_LOCK = 0x676c7365;

/** How long to try to get on a server that is just starting or stopping, in milliseconds. */
const PATIENCE = 30_000;

/** What a connection says while its server starts, stops or is gone. */
const PASSING = new Set(['57P01', '57P03', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE']);

/** A place on the embedded server. */
export interface EmbeddedDatabase {
  /** The connection URL of its database `glimpse`. */
  readonly url: string;
  /** The process id of the server. */
  readonly pid: number;
  /** Gives the place up; the last to leave stops the server. */
  leave(): Promise<void>;
}

export interface EmbeddedOptions {
  /** The data folder; made when it does not exist. */
  readonly folder: string;
  /** Whether this is the service, of which a folder has one. */
  readonly service: boolean;
  /** Settings for the server when this process starts it, such as `fsync=off`. */
  readonly settings?: readonly string[];
}

function urlOf({ port }: Postmaster, password: string, database: string): string {
  return `postgresql://glimpse:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Gets on the embedded PostgreSQL of a folder: joins the server that runs there, adopts one that a killed
 * service left behind, or starts one.
 *
 * @throws {EmbeddedDatabaseError} a service runs on the folder already; or no server can run there
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const cluster = new Cluster(options.folder, findBinaries(), options.settings ?? []);
  cluster.prepare();
  for (const deadline = Date.now() + PATIENCE; ; await sleep(20)) {
    const server = cluster.running() ?? (await cluster.start());
    try {
      return await join(cluster, server, options);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      const passing = PASSING.has(code ?? '') || message.startsWith('Connection terminated');
      if (!passing || Date.now() > deadline) throw error;
    }
  }
}

async function join(
  cluster: Cluster,
  server: Postmaster,
  { folder, service }: EmbeddedOptions,
): Promise<EmbeddedDatabase> {
  const place = new pg.Client({
    connectionString: urlOf(server, cluster.password, 'postgres'),
    application_name: 'glimpse place',
    connectionTimeoutMillis: 5_000,
  });
  place.on('error', () => undefined);
  try {
    await place.connect();
    await place.query('SELECT pg_advisory_lock_shared($1)', [USERS_LOCK]);
    if (service && !(await takesAlone(place, SERVICE_LOCK))) {
      throw new EmbeddedDatabaseError(
        `a service already runs on ${folder}: stop it, or choose another folder with GLIMPSE_DATA_DIR`,
      );
    }
    await createDatabase(place);
  } catch (error) {
    await place.end();
    throw error;
  }
  return {
    url: urlOf(server, cluster.password, 'glimpse'),
    pid: server.pid,
    async leave() {
      try {
        await place.query('SELECT pg_advisory_unlock_shared($1)', [USERS_LOCK]);
        const last = await takesAlone(place, USERS_LOCK);
        if (last) await cluster.stop(server);
      } catch (error) {
        // A server that is gone needs no stopping.
        if (cluster.running()?.pid === server.pid) throw error;
      } finally {
        await place.end();
      }
    },
  };
}

async function takesAlone(place: pg.Client, lock: number): Promise<boolean> {
  const { rows } = await place.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [lock]);
  return rows[0]?.taken === true;
}

async function createDatabase(place: pg.Client): Promise<void> {
  const { rowCount } = await place.query(`SELECT FROM pg_database WHERE datname = 'glimpse'`);
  if (rowCount) return;
  try {
    await place.query('CREATE DATABASE glimpse');
  } catch (error) {
    // Somebody else was faster (42P04, or 23505 in the very same moment).
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  }
}
