import { PrismaPg } from '@prisma/adapter-pg';
import pg from 'pg';
import { PrismaClient } from './generated/client.js';
import { namesOfPrepared } from './prepared.js';

/** Milliseconds within which PostgreSQL has to accept a connection, or the pool to have one free. */
const CONNECT_DEADLINE = 2_000;
/** Milliseconds within which it has to answer a query, unless somebody says otherwise. */
export const QUERY_DEADLINE = 2_000;

/**
 * Settings of each connection, by which a query has one plan, whatever its values and whatever PostgreSQL
 * believes of the tables: every query has an index, whose order it stops in, and none runs for so long that
 * compiling it would pay.
 */
const PLANNING = '-c enable_seqscan=off -c enable_sort=off -c plan_cache_mode=force_generic_plan -c jit=off';

/** A PostgreSQL that holds a catalogue: one pool, and Prisma on the same pool. */
export interface Database {
  readonly pool: pg.Pool;
  readonly prisma: PrismaClient;
  /** Whether a connection keeps what is prepared on it for those who get it next. */
  readonly prepares: boolean;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  /** A PostgreSQL connection URL. */
  readonly url: string;
  /** The most connections that are open at a time. */
  readonly poolSize: number;
  /** Milliseconds within which PostgreSQL has to answer a query; 0: it may take its time. */
  readonly queryDeadline?: number;
  /**
   * Whether a pooler stands in front that hands out a server's connection for a transaction at a time: then
   * nothing may stay with a connection, and none can be given settings as it is made.
   */
  readonly pooled?: boolean;
}

/** A standby lags behind and takes no changes; PostgreSQL says the same code of those. */
class NotPrimary extends Error {
  readonly code = '25006';

  constructor() {
    super('the database is a standby');
  }
}

async function refuseStandby(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (rows[0]!.standby) throw new NotPrimary();
}

/** Opens nothing yet: connections are made when they are needed, and made anew when they were lost. */
export function openDatabase({ url, poolSize, queryDeadline, pooled = false }: DatabaseOptions): Database {
  const deadline = queryDeadline ?? QUERY_DEADLINE;
  const pool = new pg.Pool({
    connectionString: url,
    max: poolSize,
    application_name: 'glimpse',
    connectionTimeoutMillis: CONNECT_DEADLINE,
    query_timeout: deadline,
    // PostgreSQL too gives up a query that nobody waits for any more.
    ...(!pooled && { statement_timeout: deadline, options: PLANNING }),
    onConnect: refuseStandby,
  });
  // An idle connection that dies says so here; the next query sees to it. Unheard, it would end the process.
  pool.on('error', () => undefined);
  const nameOf = namesOfPrepared('prisma');
  const adapter = new PrismaPg(pool, {
    ...(!pooled && { statementNameGenerator: ({ sql }) => nameOf(sql) }),
  });
  const prisma = new PrismaClient({ adapter });
  return {
    pool,
    prisma,
    prepares: !pooled,
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}
