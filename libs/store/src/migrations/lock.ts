import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';

/** The advisory lock of Prisma's schema engine: an older release, or Prisma itself, and this exclude each other. */
const MIGRATION_LOCK = 72_707_369;

const LOCK_INTERVAL_MS = 200;
/** How long the lock is waited for until `onWaiting` is called. */
const WAITING_MS = 3_000;

/** Called once, when another process has held the lock for some seconds. */
export type OnWaiting = (holder: string) => void;

/**
 * Begins a transaction that holds the lock. It is tried for repeatedly: a statement that waits for the lock would
 * hold a snapshot, which `CREATE INDEX CONCURRENTLY` in the process that has the lock would wait for.
 */
export async function beginLocked(client: pg.Client, onWaiting?: OnWaiting): Promise<void> {
  await untilLocked(client, onWaiting, async () => {
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE');
    if (await tryLock(client, 'pg_try_advisory_xact_lock')) return true;
    await client.query('ROLLBACK');
    return false;
  });
  await prepareSession(client, 'transaction');
}

async function untilLocked(
  client: pg.Client,
  onWaiting: OnWaiting | undefined,
  attempt: () => Promise<boolean>,
): Promise<void> {
  for (let waited = 0; !(await attempt()); waited += LOCK_INTERVAL_MS) {
    if (waited === WAITING_MS) onWaiting?.(await lockHolder(client));
    await sleep(LOCK_INTERVAL_MS);
  }
}

async function tryLock(
  client: pg.Client,
  lock: 'pg_try_advisory_xact_lock' | 'pg_try_advisory_lock',
): Promise<boolean> {
  const { rows } = await client.query<{ locked: boolean }>(`SELECT ${lock}($1) AS locked`, [MIGRATION_LOCK]);
  return rows[0]!.locked;
}

/** Describes the connection that has the lock. */
async function lockHolder(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ holder: string }>(
    `SELECT format('process %s of PostgreSQL (%s from %s)', pid, coalesce(nullif(application_name, ''), 'unnamed'),
                   coalesce(host(client_addr), 'its own machine')) AS holder
     FROM pg_locks JOIN pg_stat_activity USING (pid)
     WHERE locktype = 'advisory' AND granted AND (classid, objid, objsubid) = (0, $1, 1)
           AND database = (SELECT oid FROM pg_database WHERE pg_database.datname = current_database())`,
    [MIGRATION_LOCK],
  );
  return rows[0]?.holder ?? 'another process';
}

/**
 * Removes time limits of role and database, which a script on a large table would exceed; of these settings each
 * release of PostgreSQL knows some. A transaction whose client is gone must not keep the lock, though. Also lets
 * scripts find the operator classes of pg_trgm wherever that is installed.
 */
async function prepareSession(client: pg.Client, scope: 'transaction' | 'session'): Promise<void> {
  const local = scope === 'transaction';
  await client.query(
    `SELECT set_config(name, CASE name WHEN 'idle_in_transaction_session_timeout' THEN '60s' ELSE '0' END, ${local})
     FROM pg_settings
     WHERE name IN ('statement_timeout', 'lock_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout')`,
  );
  await client.query(
    `SELECT set_config('search_path', concat_ws(', ', nullif(current_setting('search_path'), ''), quote_ident(nspname)), ${local})
     FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
     WHERE extname = 'pg_trgm' AND nspname <> ALL (current_schemas(true))`,
  );
}

/** Does something that cannot be part of a transaction, while this connection holds the lock. */
export async function withLock<T>(
  client: pg.Client,
  onWaiting: OnWaiting | undefined,
  work: () => Promise<T>,
): Promise<T> {
  await untilLocked(client, onWaiting, () => tryLock(client, 'pg_try_advisory_lock'));
  try {
    await prepareSession(client, 'session');
    return await work();
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  }
}
