import type pg from 'pg';
import { connect } from '../connection/connections.js';
import type { Pooler } from '../connection/session.js';
import { applyMissing, type MigrateOptions } from './apply.js';
import { beginLocked } from './lock.js';
import { MigrationError } from './migration-error.js';
import { appliedMigrations, createRecords, recordApplied, rollBackUnfinished } from './records.js';
import { readMigrations } from './scripts.js';

export { MigrationError };

/**
 * Applies the migrations that a database lacks, and records them as Prisma does. Each migration, its lock and its
 * record are one transaction, so whatever ends this process, the next run goes on where it ended. Any number of
 * processes may do so at once: one applies, the others wait.
 *
 * @returns the names of the migrations that were applied
 * @throws {MigrationError} the database cannot be migrated; and what pg throws when it is unavailable
 */
export function migrate(url: string, options: MigrateOptions = {}): Promise<string[]> {
  return withClient(url, options.pooler, async (client) =>
    applyMissing(client, await readMigrations(), options),
  );
}

/**
 * Records a migration as applied without running it, for a database that has all of it and lacks the record.
 *
 * @throws {MigrationError} this build has no such migration, or it is recorded already
 */
export function markApplied(url: string, name: string, pooler?: Pooler): Promise<void> {
  return withClient(url, pooler, async (client) => {
    const migrations = await readMigrations();
    const migration = migrations.find((each) => each.name === name);
    if (!migration) {
      throw new MigrationError(
        `${JSON.stringify(name)} is no migration of this build; it has ${migrations.map((each) => each.name).join(', ')}`,
      );
    }
    await beginLocked(client);
    await createRecords(client);
    if ((await appliedMigrations(client)).has(name)) {
      throw new MigrationError(`${name} is recorded as applied already`);
    }
    await rollBackUnfinished(client);
    await recordApplied(client, migration, 0);
    await client.query('COMMIT');
  });
}

/**
 * Names the migrations of this build that a database lacks. Later ones, of a newer build, are no obstacle:
 * a migration that removes something comes one release after the code stopped using it.
 *
 * @throws what pg throws when the database is unavailable
 */
export async function missingMigrations(pool: pg.Pool): Promise<string[]> {
  const migrations = await readMigrations();
  const applied = await appliedMigrations(pool);
  return migrations.filter(({ name, checksum }) => applied.get(name) !== checksum).map(({ name }) => name);
}

async function withClient<T>(
  url: string,
  pooler: Pooler | undefined,
  use: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await connect(url, { name: 'glimpse migrate', statementTimeout: 0, pooler });
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
