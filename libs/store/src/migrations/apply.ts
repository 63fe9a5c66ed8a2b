import pg from 'pg';
import type { Pooler } from '../connection/session.js';
import { beginLocked, withLock, type OnWaiting } from './lock.js';
import { MigrationError } from './migration-error.js';
import {
  appliedMigrations,
  createRecords,
  hasUnfinished,
  recordApplied,
  rollBackUnfinished,
  wasAttempted,
} from './records.js';
import { requireMigratable } from './requirements.js';
import { concurrentIndexOf, type ConcurrentIndex, type Migration } from './scripts.js';

/** How often a script that met a deadlock or a serialization failure is run. */
const MAX_ATTEMPTS = 5;
const RETRIED = new Set(['40001', '40P01']);

/** PostgreSQL lost the connection or shuts down; the script itself may be right. */
const CONNECTION_LOST = /^(?:08|57)/;
/** Duplicate column, schema, object, table and function. */
const ALREADY_EXISTS = new Set(['42701', '42P06', '42710', '42P07', '42723']);

/** Undefined column, object, table and function. */
const DOES_NOT_EXIST = new Set(['42703', '42704', '42P01', '42883']);

export interface MigrateOptions {
  /** Called after each migration. */
  readonly onApplied?: (name: string) => void;
  readonly onWaiting?: OnWaiting;
  /** The pooler in front; one for transactions cannot be migrated through. */
  readonly pooler?: Pooler | undefined;
}

/** Applies those of some migrations that a database lacks. @returns their names */
export async function applyMissing(
  client: pg.Client,
  migrations: readonly Migration[],
  options: MigrateOptions,
): Promise<string[]> {
  // Neither a lock nor any right to write is needed to find nothing to do.
  if (!nextOf(migrations, await appliedMigrations(client)) && !(await hasUnfinished(client))) return [];
  await requireMigratable(client);
  const done: string[] = [];
  for (;;) {
    const next = await applyNext(client, migrations, options);
    if (!next) return done;
    done.push(next);
    options.onApplied?.(next);
  }
}

/** Applies one migration. @returns its name, or undefined where none is missing */
async function applyNext(
  client: pg.Client,
  migrations: readonly Migration[],
  options: MigrateOptions,
): Promise<string | undefined> {
  for (let attempt = 1; ; attempt++) {
    await beginLocked(client, options.onWaiting);
    await createRecords(client);
    await rollBackUnfinished(client);
    const next = nextOf(migrations, await appliedMigrations(client));
    const index = next && concurrentIndexOf(next);
    try {
      if (next && !index) {
        await client.query(next.script);
        await recordApplied(client, next, 1);
      }
      await client.query('COMMIT');
      if (next && index && !(await applyConcurrently(client, next, index, options.onWaiting))) {
        return applyNext(client, migrations, options);
      }
      return next?.name;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || CONNECTION_LOST.test(error.code ?? '')) throw error;
      await client.query('ROLLBACK');
      if (RETRIED.has(error.code ?? '') && attempt < MAX_ATTEMPTS) continue;
      throw new MigrationError(await explain(client, next!.name, error));
    }
  }
}

/** @throws {MigrationError} the database has a migration of this name with another script */
function nextOf(migrations: readonly Migration[], applied: Map<string, string>): Migration | undefined {
  for (const { name, checksum } of migrations) {
    const recorded = applied.get(name) ?? checksum;
    if (recorded === checksum) continue;
    throw new MigrationError(
      `the database has another version of the migration ${name} (checksum ${recorded}, here ${checksum}): ` +
        'run the build that it was migrated with',
    );
  }
  return migrations.find(({ name }) => !applied.has(name));
}

/**
 * Applies a script that cannot be part of a transaction. Between the script and its record there is a moment in
 * which this process may end; so an index that is there and valid counts as created, one that is not as dropped.
 *
 * @returns whether it was applied here; otherwise another process has applied it meanwhile
 */
async function applyConcurrently(
  client: pg.Client,
  migration: Migration,
  { action, index }: ConcurrentIndex,
  onWaiting?: OnWaiting,
): Promise<boolean> {
  return withLock(client, onWaiting, async () => {
    if ((await appliedMigrations(client)).has(migration.name)) return false;
    const { rows } = await client.query<{ valid: boolean }>(
      'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
      [index],
    );
    const found = rows[0];
    if (action === 'create' && found && !found.valid) await client.query(`DROP INDEX CONCURRENTLY ${index}`);
    if (action === 'create' ? !found?.valid : found) await client.query(migration.script);
    await recordApplied(client, migration, 1);
    return true;
  });
}

/** One line with the reason why a script failed, and a remedy. */
async function explain(client: pg.Client, name: string, error: pg.DatabaseError): Promise<string> {
  const { message, detail, hint, code = '' } = error;
  const reason = [message, detail, hint].filter(Boolean).join('; ').replace(/\s+/g, ' ');
  // Prisma's engine records a script after its commit, and may have ended in between.
  const unrecorded =
    ALREADY_EXISTS.has(code) || (DOES_NOT_EXIST.has(code) && (await wasAttempted(client, name)));
  const advice = unrecorded
    ? `if the database has all that this migration makes, run glimpse migrate --mark-applied ${name}`
    : code === '42501'
      ? 'run glimpse migrate as the role that owns the tables'
      : 'mend that, and run glimpse migrate again';
  return `migration ${name} failed: ${reason} (SQLSTATE ${code}); ${advice}`;
}
