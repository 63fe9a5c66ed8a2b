import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { connect as connectTo } from '../connection/connections.js';
import { findBinaries } from './binaries.js';
import { Cluster, type Postmaster } from './cluster.js';
import { EmbeddedDatabaseError } from './errors.js';

export { linkLibraries } from './binaries.js';
export { makeDataFolder } from './data-folder.js';
export { EmbeddedDatabaseError };

/** Held, shared, by each process that uses the server: one that gets it alone is the last. */
const USERS_LOCK = 0x676c7573;
/** Held by the one service that runs on the folder. */
const SERVICE_LOCK = 0x676c7365;

/** How long to try to join a server that is just starting or stopping. */
const JOIN_DEADLINE_MS = 30_000;
/** The time limit of a query of a process that leaves: a hanging server never responds. */
const LEAVE_DEADLINE_MS = 3_000;
/** Between two attempts to start a server again that was lost. */
const RESTART_INTERVAL_MS = 500;

/** The codes of a connection's errors while its server starts, stops or is gone. */
const PASSING = new Set(['57P01', '57P03', 'ECONNRESET', 'ECONNREFUSED', 'EPIPE']);

/** The embedded database, as one process uses it. */
export interface EmbeddedDatabase {
  /** The connection URL of its database `glimpse`; it stays when the server is started again. */
  readonly url: string;
  /** The process id of the server. */
  readonly pid: number;
  /** Ends the use; the last process to leave stops the server. */
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
  // It speaks no TLS, whatever PGSSLMODE in the environment requires of other servers.
  return `postgresql://glimpse:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
}

/**
 * Joins the embedded PostgreSQL of a folder: the server that runs there, one that a killed service left behind, or
 * a new one. As long as this process uses it, it is started again, on the same port, whenever it was killed.
 *
 * @throws {EmbeddedDatabaseError} a service runs on the folder already; or no server can run there
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedDatabase> {
  const cluster = new Cluster(options.folder, findBinaries(), options.settings ?? []);
  cluster.prepare();
  const use = new Use(cluster, options);
  await use.join();
  return use;
}

/** The use of a server by this process: one connection, which holds locks. */
class Use implements EmbeddedDatabase {
  #server!: Postmaster;
  #connection!: pg.Client;
  readonly #left = new AbortController();
  #rejoined: Promise<void> = Promise.resolve();

  constructor(
    private readonly cluster: Cluster,
    private readonly options: EmbeddedOptions,
  ) {}

  get url(): string {
    return urlOf(this.#server, this.cluster.password, 'glimpse');
  }

  get pid(): number {
    return this.#server.pid;
  }

  async join(): Promise<void> {
    for (const deadline = Date.now() + JOIN_DEADLINE_MS; ; await sleep(20)) {
      const server = this.cluster.running() ?? (await this.cluster.start());
      try {
        this.#connection = await connect(this.cluster, server, this.options);
        this.#server = server;
        this.#connection.once('end', () => {
          if (!this.#left.signal.aborted) this.#rejoined = this.#rejoin();
        });
        return;
      } catch (error) {
        const { code, message } = error as { code?: string; message: string };
        const passing = PASSING.has(code ?? '') || message.startsWith('Connection terminated');
        if (!passing || Date.now() > deadline || this.#left.signal.aborted) throw error;
      }
    }
  }

  /** Until it succeeds or this process leaves: its pools only know the old port, and go on when that responds. */
  async #rejoin(): Promise<void> {
    while (!this.#left.signal.aborted) {
      try {
        return await this.join();
      } catch {
        // The reason is in the server's log, and the service logs that its database is unavailable.
        await sleep(RESTART_INTERVAL_MS, undefined, { signal: this.#left.signal }).catch(() => undefined);
      }
    }
  }

  leave = async (): Promise<void> => {
    this.#left.abort();
    await this.#rejoined;
    const connection = this.#connection;
    try {
      await queryLeaving(connection, 'SELECT pg_advisory_unlock_shared($1)', USERS_LOCK);
      const [row] = await queryLeaving(connection, 'SELECT pg_try_advisory_lock($1) AS acquired', USERS_LOCK);
      if (row?.acquired) await this.cluster.stop(this.#server);
    } catch (error) {
      // A server that is gone needs no stopping.
      if (this.cluster.running()?.pid !== this.#server.pid) return;
      if ((error as Error).message !== 'Query read timeout') throw error;
      throw new EmbeddedDatabaseError(
        `the embedded PostgreSQL (process ${this.#server.pid}) does not answer and was left running`,
      );
    } finally {
      // A server that hangs never confirms the end of a connection.
      await Promise.race([connection.end(), sleep(LEAVE_DEADLINE_MS, undefined, { ref: false })]);
    }
  };
}

async function queryLeaving(
  connection: pg.Client,
  text: string,
  lock: number,
): Promise<{ acquired?: boolean }[]> {
  const query = { text, values: [lock], query_timeout: LEAVE_DEADLINE_MS };
  return (await connection.query<{ acquired?: boolean }>(query)).rows;
}

async function connect(
  cluster: Cluster,
  server: Postmaster,
  { folder, service }: EmbeddedOptions,
): Promise<pg.Client> {
  const url = urlOf(server, cluster.password, 'postgres');
  const connection = await connectTo(url, { name: 'glimpse place', statementTimeout: 0, standby: true });
  try {
    await connection.query('SELECT pg_advisory_lock_shared($1)', [USERS_LOCK]);
    if (service && !(await acquiresLock(connection, SERVICE_LOCK))) {
      throw new EmbeddedDatabaseError(
        `a service already runs on ${folder}: stop it, or choose another folder with GLIMPSE_DATA_DIR`,
      );
    }
    await createDatabase(connection);
    return connection;
  } catch (error) {
    await connection.end();
    throw error;
  }
}

async function acquiresLock(connection: pg.Client, lock: number): Promise<boolean> {
  const { rows } = await connection.query<{ acquired: boolean }>(
    'SELECT pg_try_advisory_lock($1) AS acquired',
    [lock],
  );
  return rows[0]?.acquired === true;
}

async function createDatabase(connection: pg.Client): Promise<void> {
  const { rowCount } = await connection.query(`SELECT FROM pg_database WHERE datname = 'glimpse'`);
  if (rowCount) return;
  try {
    await connection.query('CREATE DATABASE glimpse');
  } catch (error) {
    // Another process was faster (42P04, or 23505 at the same time).
    if (!['42P04', '23505'].includes((error as { code?: string }).code ?? '')) throw error;
  }
}
