import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { Migration } from './scripts.js';

/** The table in which Prisma records migrations; its columns and their meaning are Prisma's. */
const TABLE = `
  CREATE TABLE "_prisma_migrations" (
    "id" VARCHAR(36) PRIMARY KEY NOT NULL,
    "checksum" VARCHAR(64) NOT NULL,
    "finished_at" TIMESTAMPTZ,
    "migration_name" VARCHAR(255) NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMPTZ,
    "started_at" TIMESTAMPTZ NOT NULL DEFAULT now(),
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0
  )`;

type Queryable = Pick<pg.Pool | pg.Client, 'query'>;

async function tableExists(database: Queryable): Promise<boolean> {
  const { rows } = await database.query<{ exists: boolean }>(
    `SELECT to_regclass('_prisma_migrations') IS NOT NULL AS exists`,
  );
  return rows[0]!.exists;
}

/** Creates the table where it is missing. */
export async function createRecords(database: Queryable): Promise<void> {
  // Not IF NOT EXISTS, which requires the right to create even where the table exists.
  if (!(await tableExists(database))) await database.query(TABLE);
}

/** The checksums of the migrations that a database records as applied, by name. */
export async function appliedMigrations(database: Queryable): Promise<Map<string, string>> {
  if (!(await tableExists(database))) return new Map();
  const { rows } = await database.query<{ migration_name: string; checksum: string }>(
    'SELECT migration_name, checksum FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL',
  );
  return new Map(rows.map((row) => [row.migration_name, row.checksum]));
}

const UNFINISHED = 'FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL';

/** Whether Prisma's engine, or an older release, began a migration and did not finish it. */
export async function hasUnfinished(database: Queryable): Promise<boolean> {
  if (!(await tableExists(database))) return false;
  const { rowCount } = await database.query(`SELECT ${UNFINISHED} LIMIT 1`);
  return rowCount !== 0;
}

/**
 * Marks what was not finished as rolled back. There, too, each script was one transaction, which left nothing, or
 * was committed just before the end of its process.
 */
export async function rollBackUnfinished(database: Queryable): Promise<void> {
  await database.query(
    `UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id IN (SELECT id ${UNFINISHED})`,
  );
}

/** Whether an attempt at a migration is recorded that did not finish. */
export async function wasAttempted(database: Queryable, name: string): Promise<boolean> {
  const { rowCount } = await database.query(
    'SELECT FROM _prisma_migrations WHERE migration_name = $1 AND finished_at IS NULL LIMIT 1',
    [name],
  );
  return rowCount !== 0;
}

/** Records a migration as applied. */
export async function recordApplied(
  database: Queryable,
  { name, checksum }: Migration,
  steps: 0 | 1,
): Promise<void> {
  await database.query(
    `INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at, applied_steps_count)
     VALUES ($1, $2, $3, now(), clock_timestamp(), $4)`,
    [randomUUID(), checksum, name, steps],
  );
}
