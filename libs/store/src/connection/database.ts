import type pg from 'pg';
import { Connections } from './connections.js';
import { SessionPool } from './pool.js';
import { lockTimeoutOf, type Pooler } from './session.js';
import type { PrismaClient } from '../generated/client.js';
import { namesOfPrepared } from './prepared.js';

/** The default time limit of a query. */
export const QUERY_TIMEOUT_MS = 2_000;

/** A PostgreSQL that holds a catalogue: one pool, and Prisma on the same pool. */
export interface Database {
  readonly pool: pg.Pool;
  /** Loads Prisma when it is first needed: that takes longer than many a command that does without. */
  prisma(): Promise<PrismaClient>;
  /** Whether prepared statements stay on their connection for its next user. */
  readonly prepares: boolean;
  /** Runs one statement that may write, in a transaction whose rights and isolation do not depend on the role. */
  write<Row extends object>(query: pg.QueryConfig<unknown[]>): Promise<Row[]>;
  /** Runs statements on one connection, in such a transaction. */
  transaction<T>(run: (client: pg.PoolClient) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A PostgreSQL connection URL. */
  readonly url: string;
  /** The most connections that are open at a time. */
  readonly poolSize: number;
  /** The time limit of a query in milliseconds; 0: none. */
  readonly queryTimeoutMs?: number;
  /** The pooler in front. One for transactions lets nothing stay with a connection. */
  readonly pooler?: Pooler | undefined;
}

/** Opens nothing yet: connections are made when they are needed, and made anew when they were lost. */
export function openDatabase({ url, poolSize, queryTimeoutMs, pooler }: DatabaseOptions): Database {
  const statementTimeout = queryTimeoutMs ?? QUERY_TIMEOUT_MS;
  const connections = new Connections(url, { name: 'glimpse', statementTimeout, catalogue: true, pooler });
  const pool = new SessionPool(connections, { max: poolSize, queryTimeout: statementTimeout });
  const prepares = pooler !== 'transaction';
  let prisma: Promise<PrismaClient> | undefined;
  const transaction = transactionsOf(pool, statementTimeout);
  return {
    pool,
    prisma: () => (prisma ??= openPrisma(pool, connections.schema, prepares)),
    prepares,
    async write<Row extends object>(query: pg.QueryConfig<unknown[]>) {
      // Elsewhere the session has what a transaction needs.
      const { rows } = await (pooler === 'transaction'
        ? transaction((client) => client.query<Row>(query))
        : pool.query<Row>(query));
      return rows;
    },
    transaction,
    async close() {
      // It fails with a connection that is being made, and that connection is the pool's.
      await prisma?.then((client) => client.$disconnect()).catch(() => undefined);
      await pool.end();
    },
  };
}

async function openPrisma(
  pool: pg.Pool,
  schema: string | undefined,
  prepares: boolean,
): Promise<PrismaClient> {
  const { PrismaClient } = await import('../generated/client.js');
  const { CatalogueAdapter } = await import('./catalogue-adapter.js');
  const nameOf = namesOfPrepared('prisma');
  const adapter = new CatalogueAdapter(pool, schema, {
    ...(prepares && { statementNameGenerator: ({ sql }) => nameOf(sql) }),
  });
  return new PrismaClient({ adapter });
}

/** Transactions that are what they should be also where a pooler lets a session have no settings of its own. */
function transactionsOf(pool: pg.Pool, statementTimeout: number): Database['transaction'] {
  const begin =
    'BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; ' +
    `SET LOCAL statement_timeout = ${statementTimeout}; SET LOCAL lock_timeout = ${lockTimeoutOf(statementTimeout)}`;
  return async (run) => {
    const client = await pool.connect();
    let done = false;
    try {
      await client.query(begin);
      const result = await run(client);
      await client.query('COMMIT');
      done = true;
      return result;
    } finally {
      // What was begun ends with the connection.
      client.release(!done);
    }
  };
}
