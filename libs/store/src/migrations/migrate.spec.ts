import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { markApplied, migrate, missingMigrations } from './migrate.js';

const migrations = new URL('../../../../prisma/migrations/', import.meta.url);
const names = readdirSync(migrations)
  .filter((name) => !name.includes('.'))
  .sort();

function scriptOf(name: string): string {
  return readFileSync(new URL(`${name}/migration.sql`, migrations), 'utf8');
}

function checksumOf(name: string): string {
  return createHash('sha256').update(scriptOf(name)).digest('hex');
}

let server: TemporaryDatabase;
beforeAll(async () => {
  server = await openTemporary();
}, 60_000);
afterAll(async () => {
  await server?.close();
}, 60_000);

/** Runs statements on the database that the server began with. */
async function asAdmin(...statements: string[]): Promise<void> {
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  for (const statement of statements) await admin.query(statement);
  await admin.end();
}

/** A connection URL of the suite's server. */
function urlOf(database: string, role?: string): string {
  const target = new URL(server.url);
  target.pathname = database;
  if (role) {
    target.username = role;
    target.password = role;
  }
  return target.toString();
}

let name: string;
let url: string;
let pool: pg.Pool;
let count = 0;
beforeEach(async () => {
  name = `migrated_${++count}`;
  await asAdmin(`CREATE DATABASE ${name} TEMPLATE template0`);
  url = urlOf(name);
  pool = new pg.Pool({ connectionString: url });
  // The server may stop before a connection has quite ended.
  pool.on('error', () => undefined);
});
afterEach(() => pool.end());

describe('migrate', () => {
  it('applies every migration once, in order, when three do it at once', async () => {
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    // Each locks for one migration at a time, so another may apply the next.
    expect(applied.flat().sort()).toEqual(names);
    const { rows } = await pool.query<{ migration_name: string }>(
      'SELECT migration_name FROM _prisma_migrations ORDER BY started_at',
    );
    expect(rows.map((row) => row.migration_name)).toEqual(names);
  }, 30_000);

  it('keeps the books that prisma migrate deploy keeps', async () => {
    await migrate(url);
    const { rows } = await pool.query('SELECT * FROM _prisma_migrations ORDER BY migration_name');
    expect(rows).toEqual(
      names.map((name) => ({
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
        checksum: checksumOf(name),
        finished_at: expect.any(Date),
        migration_name: name,
        logs: null,
        rolled_back_at: null,
        started_at: expect.any(Date),
        applied_steps_count: 1,
      })),
    );
    expect(await migrate(url)).toEqual([]);
    expect((await pool.query('SELECT * FROM _prisma_migrations ORDER BY migration_name')).rows).toEqual(rows);
  }, 30_000);

  it('applies what comes after what was applied', async () => {
    await migrate(url);
    const last = names.at(-1)!;
    // The books stay; what the migrations made goes, and is made again without the last of them.
    await pool.query(`ALTER SCHEMA public RENAME TO before; CREATE SCHEMA public;
                      ALTER TABLE before._prisma_migrations SET SCHEMA public; DROP SCHEMA before CASCADE`);
    for (const name of names.slice(0, -1)) await pool.query(scriptOf(name));
    await pool.query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [last]);
    expect(await migrate(url)).toEqual([last]);
    expect(await missingMigrations(pool)).toEqual([]);
  }, 30_000);

  it('reports in one line that something exists already, and leaves no connection behind', async () => {
    await pool.query('CREATE TABLE images (id int)');
    await expect(migrate(url)).rejects.toMatchObject({
      code: 'migration-failed',
      message:
        `migration ${names[0]} failed: relation "images" already exists (SQLSTATE 42P07); if the database has all ` +
        `that this migration makes, run glimpse migrate --mark-applied ${names[0]}`,
    });
    expect((await pool.query("SELECT to_regclass('_prisma_migrations') AS records")).rows).toEqual([
      { records: null },
    ]);
    const others = `SELECT count(*)::int AS count FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'glimpse migrate'`;
    for (let tries = 0; tries < 50; tries++) {
      if ((await pool.query<{ count: number }>(others)).rows[0]!.count === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('a connection stayed');
  }, 30_000);

  it('fails when there is no such database, or no server', async () => {
    const nowhere = new URL(url);
    nowhere.pathname = 'nobody_made_this';
    await expect(migrate(nowhere.toString())).rejects.toMatchObject({ code: '3D000' });
    nowhere.port = '1';
    await expect(migrate(nowhere.toString())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

/** It removes `images_owner_idx`, and nothing else. */
const REMOVES_INDEX = '20261129160100_drop_owner_index';

describe('what an older release left', () => {
  const unfinished = (migration: string): Promise<unknown> =>
    pool.query(
      `INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES (gen_random_uuid(), 'its', $1)`,
      [migration],
    );

  it('unfinished and without a trace is applied by the next run', async () => {
    await migrate(url);
    await pool.query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [REMOVES_INDEX]);
    await pool.query('CREATE INDEX images_owner_idx ON images (id)');
    await unfinished(REMOVES_INDEX);
    expect(await migrate(url)).toEqual([REMOVES_INDEX]);
    const { rows } = await pool.query(
      `SELECT checksum, finished_at IS NOT NULL AS finished, rolled_back_at IS NOT NULL AS rolled_back
       FROM _prisma_migrations WHERE migration_name = $1 ORDER BY started_at`,
      [REMOVES_INDEX],
    );
    expect(rows).toEqual([
      { checksum: 'its', finished: false, rolled_back: true },
      { checksum: checksumOf(REMOVES_INDEX), finished: true, rolled_back: false },
    ]);
  }, 30_000);

  it.each([
    ['makes something', names[0]!, /already exists/],
    ['takes something away', REMOVES_INDEX, /does not exist/],
  ])(
    'committed and not recorded, where it %s, can be marked as applied',
    async (_, migration, reason) => {
      await migrate(url);
      await pool.query('DELETE FROM _prisma_migrations WHERE migration_name = $1', [migration]);
      await unfinished(migration);
      const refused = await migrate(url).catch((error: Error) => error.message);
      expect(refused).toMatch(reason);
      expect(refused).toMatch(new RegExp(`run glimpse migrate --mark-applied ${migration}$`));
      await markApplied(url, migration);
      expect(await migrate(url)).toEqual([]);
      expect(await missingMigrations(pool)).toEqual([]);
      await expect(markApplied(url, migration)).rejects.toThrow(
        `${migration} is recorded as applied already`,
      );
    },
    30_000,
  );

  it('is not marked under a name that this build does not have', async () => {
    await expect(markApplied(url, 'images')).rejects.toThrow(
      `"images" is no migration of this build; it has ${names[0]}`,
    );
  });

  it('applied with another script is refused', async () => {
    await migrate(url);
    await pool.query(`UPDATE _prisma_migrations SET checksum = 'another' WHERE migration_name = $1`, [
      names[2],
    ]);
    await expect(migrate(url)).rejects.toThrow(
      `the database has another version of the migration ${names[2]} (checksum another, here ${checksumOf(names[2]!)})`,
    );
  });
});

describe('a database that is set up unusually', () => {
  it('is migrated whatever limits it sets for statements and locks', async () => {
    await asAdmin(
      `ALTER DATABASE ${name} SET statement_timeout = '1ms'`,
      `ALTER DATABASE ${name} SET lock_timeout = '1ms'`,
      `ALTER DATABASE ${name} SET default_transaction_read_only = on`,
      `ALTER DATABASE ${name} SET default_transaction_isolation = serializable`,
    );
    expect(await migrate(url)).toEqual(names);
  }, 30_000);

  it('is migrated where pg_trgm is in a schema that is not searched', async () => {
    await pool.query('CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions');
    expect(await migrate(url)).toEqual(names);
    expect((await pool.query("SELECT to_regclass('public.images') IS NOT NULL AS there")).rows).toEqual([
      { there: true },
    ]);
  }, 30_000);

  it('is left alone by a run of a role that may only read, where there is nothing to do', async () => {
    await migrate(url);
    await asAdmin(`CREATE ROLE reader_${name} LOGIN PASSWORD 'reader_${name}'`);
    await pool.query(`GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader_${name}`);
    expect(await migrate(urlOf(name, `reader_${name}`))).toEqual([]);
  }, 30_000);

  it.each([
    [
      'lets its role create no table',
      () => [],
      (role: string) =>
        `the role ${role} may not create tables in the schema public; GRANT CREATE ON SCHEMA public TO ${role}`,
    ],
    [
      'lets its role create no extension',
      (role: string) => [`GRANT CREATE ON SCHEMA public TO ${role}`],
      (role: string) =>
        `the role ${role} may not create the extension pg_trgm; run CREATE EXTENSION pg_trgm in ${name} as a superuser, ` +
        `or GRANT CREATE ON DATABASE ${name} TO ${role}`,
    ],
    [
      'hides the schema of pg_trgm from its role',
      (role: string) => [
        `GRANT CREATE ON SCHEMA public TO ${role}`,
        'CREATE SCHEMA extensions',
        'CREATE EXTENSION pg_trgm SCHEMA extensions',
      ],
      (role: string) =>
        `the role ${role} may not use the schema extensions, which holds the extension pg_trgm; ` +
        `GRANT USAGE ON SCHEMA extensions TO ${role}`,
    ],
    [
      'searches no schema that exists',
      (role: string) => [`ALTER ROLE ${role} SET search_path = nowhere`],
      (role: string) =>
        `no schema of its search_path (nowhere) exists or may be used; create one with CREATE SCHEMA … AUTHORIZATION ${role}`,
    ],
  ])('and %s is refused before anything is written', async (_, prepare, message) => {
    const role = `role_${name}`;
    await asAdmin(`CREATE ROLE ${role} LOGIN PASSWORD '${role}'`);
    for (const statement of prepare(role)) await pool.query(statement);
    await expect(migrate(urlOf(name, role))).rejects.toMatchObject({
      code: 'migration-failed',
      message: `the database cannot be migrated: ${message(role)}`,
    });
    expect(
      (await pool.query(`SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace`)).rowCount,
    ).toBe(0);
  });

  it('and not in UTF8 is refused before anything is written', async () => {
    await asAdmin(
      `CREATE DATABASE latin_${name} ENCODING 'LATIN1' LOCALE 'C' LOCALE_PROVIDER libc TEMPLATE template0`,
    );
    await expect(migrate(urlOf(`latin_${name}`))).rejects.toThrow(
      `the encoding of latin_${name} is LATIN1; create one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`,
    );
  });
});

describe('missingMigrations', () => {
  it('names all of them on an empty database, and none after migrate', async () => {
    expect(await missingMigrations(pool)).toEqual(names);
    await migrate(url);
    expect(await missingMigrations(pool)).toEqual([]);
  });

  it('minds no migration of a later build', async () => {
    await migrate(url);
    await pool.query(`INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at, applied_steps_count)
                      VALUES ('later', 'unknown', '99991231000000_later', now(), 1)`);
    expect(await missingMigrations(pool)).toEqual([]);
  });

  it.each([
    ['did not finish', 'finished_at = NULL'],
    ['was rolled back', 'rolled_back_at = now()'],
    ['has another text', `checksum = 'another'`],
  ])('counts one that %s as missing', async (_, change) => {
    await migrate(url);
    await pool.query(`UPDATE _prisma_migrations SET ${change} WHERE migration_name = $1`, [names[0]]);
    expect(await missingMigrations(pool)).toEqual([names[0]]);
  });
});
