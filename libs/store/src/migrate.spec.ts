import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openTemporary, type TemporaryDatabase } from './testing/index.js';
import { migrate, missingMigrations } from './migrate.js';

const migrations = new URL('../../../prisma/migrations/', import.meta.url);
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

let url: string;
let pool: pg.Pool;
let count = 0;
beforeEach(async () => {
  const admin = new pg.Client({ connectionString: server.url });
  await admin.connect();
  const name = `migrated_${++count}`;
  await admin.query(`CREATE DATABASE ${name} TEMPLATE template0`);
  await admin.end();
  const target = new URL(server.url);
  target.pathname = name;
  url = target.toString();
  pool = new pg.Pool({ connectionString: url });
  // The server may stop before a connection has quite ended.
  pool.on('error', () => undefined);
});
afterEach(() => pool.end());

describe('migrate', () => {
  it('applies every migration once, in order, when three do it at once', async () => {
    const applied = await Promise.all([migrate(url), migrate(url), migrate(url)]);
    expect(applied.filter((list) => list.length > 0)).toEqual([names]);
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

  it('says why it cannot, and leaves no connection behind', async () => {
    await pool.query('CREATE TABLE images (id int)');
    await expect(migrate(url)).rejects.toThrow();
    const others = `SELECT count(*)::int AS count FROM pg_stat_activity
                    WHERE datname = current_database() AND application_name = 'glimpse migrate'`;
    for (let tries = 0; tries < 50; tries++) {
      if ((await pool.query<{ count: number }>(others)).rows[0]!.count === 0) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('a connection stayed');
  }, 30_000);

  it('fails when there is no such database, or nobody listens', async () => {
    const nowhere = new URL(url);
    nowhere.pathname = 'nobody_made_this';
    await expect(migrate(nowhere.toString())).rejects.toMatchObject({ code: '3D000' });
    nowhere.port = '1';
    await expect(migrate(nowhere.toString())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
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
