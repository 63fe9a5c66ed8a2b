import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { applyMissing } from './apply.js';
import { concurrentIndexOf, readMigrations, type Migration } from './scripts.js';

const INDEX = 'CREATE INDEX CONCURRENTLY things_idx ON things (id)';

function migration(name: string, script: string): Migration {
  return { name, script, checksum: `checksum of ${name}` };
}
const TABLE = migration('1_table', 'CREATE TABLE things AS SELECT generate_series(1, 1000) AS id');

let server: TemporaryDatabase;
beforeAll(async () => {
  server = await openTemporary();
}, 60_000);
afterAll(async () => {
  await server?.close();
}, 60_000);

const clients: pg.Client[] = [];
async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  clients.push(client);
  await client.connect();
  return client;
}
let client: pg.Client;
beforeEach(async () => {
  client = await connect();
  await client.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
});
afterEach(async () => {
  for (const each of clients.splice(0)) await each.end();
});

async function indexes(): Promise<unknown[]> {
  const { rows } = await client.query(
    `SELECT indexrelid::regclass::text AS name, indisvalid AS valid FROM pg_index WHERE indrelid = 'things'::regclass`,
  );
  return rows;
}

/** Leaves an index invalid, as a killed CREATE INDEX CONCURRENTLY does. */
async function leaveInvalid(): Promise<void> {
  await client.query('CREATE TABLE things AS SELECT 1 AS id UNION ALL SELECT 1');
  await expect(client.query('CREATE UNIQUE INDEX CONCURRENTLY things_idx ON things (id)')).rejects.toThrow(
    'unique',
  );
  expect(await indexes()).toEqual([{ name: 'things_idx', valid: false }]);
}

describe('a script without transaction', () => {
  it.each([
    ['with the mark', `-- no transaction\n-- Why.\n${INDEX};\n`],
    ['without it', INDEX],
  ])(
    '%s is applied once, when four processes apply it at once',
    async (_, script) => {
      const migrations = [
        TABLE,
        migration('2_index', script),
        migration('3_view', 'CREATE VIEW v AS SELECT 1 AS one'),
      ];
      const others = await Promise.all([connect(), connect(), connect()]);
      const applied = await Promise.all(
        [client, ...others].map((each) => applyMissing(each, migrations, {})),
      );
      expect(applied.flat().sort()).toEqual(['1_table', '2_index', '3_view']);
      expect(await indexes()).toEqual([{ name: 'things_idx', valid: true }]);
      const { rows } = await client.query(
        'SELECT migration_name FROM _prisma_migrations ORDER BY started_at',
      );
      expect(rows).toEqual([
        { migration_name: '1_table' },
        { migration_name: '2_index' },
        { migration_name: '3_view' },
      ]);
    },
    30_000,
  );

  it('replaces the invalid index that a killed run left', async () => {
    await leaveInvalid();
    expect(await applyMissing(client, [migration('1_index', INDEX)], {})).toEqual(['1_index']);
    expect(await indexes()).toEqual([{ name: 'things_idx', valid: true }]);
  }, 30_000);

  it('whose run was killed before its record counts as done', async () => {
    await client.query('CREATE TABLE things (id int)');
    await client.query(INDEX);
    expect(await applyMissing(client, [migration('1_index', INDEX)], {})).toEqual(['1_index']);
    const drop = migration('2_drop', 'DROP INDEX CONCURRENTLY things_idx');
    await client.query(drop.script);
    expect(await applyMissing(client, [migration('1_index', INDEX), drop], {})).toEqual(['2_drop']);
    expect(await indexes()).toEqual([]);
  }, 30_000);

  it('waits for no process that waits for the lock in turn', async () => {
    const holder = await connect();
    await holder.query('CREATE TABLE things (id int)');
    await holder.query('BEGIN; LOCK TABLE things IN ROW EXCLUSIVE MODE');
    const waiting: string[] = [];
    const both = Promise.all(
      [client, await connect()].map((each) =>
        applyMissing(each, [migration('1_index', INDEX)], { onWaiting: (text) => waiting.push(text) }),
      ),
    );
    for (let tries = 0; waiting.length === 0 && tries < 300; tries++) await sleep(50);
    expect(waiting[0]).toMatch(/^process \d+ of PostgreSQL \(unnamed from 127\.0\.0\.1\)$/);
    await holder.query('COMMIT');
    expect((await both).flat()).toEqual(['1_index']);
  }, 30_000);

  it('holds one statement, and every script of this build that needs to be one is', async () => {
    expect(() => concurrentIndexOf(migration('x', `${INDEX}; SELECT 1`))).toThrow('only statement');
    expect(() => concurrentIndexOf(migration('x', '-- no transaction\nSELECT 1'))).toThrow('only statement');
    expect(concurrentIndexOf(migration('x', 'SELECT 1 -- CREATE INDEX CONCURRENTLY'))).toBeUndefined();
    for (const each of await readMigrations()) expect(() => concurrentIndexOf(each)).not.toThrow();
  });
});

describe('a script in a transaction', () => {
  it('that fails leaves neither its tables nor its record, and what came before stays', async () => {
    const bad = migration('2_bad', 'CREATE TABLE half (id int); SELECT 1 / 0');
    await expect(applyMissing(client, [TABLE, bad], {})).rejects.toMatchObject({
      message:
        'migration 2_bad failed: division by zero (SQLSTATE 22012); mend that, and run glimpse migrate again',
    });
    const { rows } = await client.query(
      `SELECT to_regclass('half') AS half, (SELECT array_agg(migration_name) FROM _prisma_migrations) AS records`,
    );
    expect(rows).toEqual([{ half: null, records: ['1_table'] }]);
  });

  it('has no time limit, whatever its connection is set to', async () => {
    await client.query(`SET statement_timeout = '1s'; SET transaction_timeout = '1s'`);
    expect(await applyMissing(client, [migration('1_slow', 'SELECT pg_sleep(1.5)')], {})).toEqual(['1_slow']);
  });

  it('that meets a deadlock is run again', async () => {
    await client.query('CREATE TABLE a (id int); CREATE TABLE b (id int)');
    const other = await connect();
    await other.query('BEGIN; LOCK TABLE b');
    const applied = applyMissing(
      client,
      [
        migration(
          '1_both',
          'LOCK TABLE a; SET LOCAL deadlock_timeout = 10; SELECT pg_sleep(0.2); LOCK TABLE b',
        ),
      ],
      {},
    );
    await sleep(300);
    await other.query('LOCK TABLE a').catch(() => undefined);
    await other.query('ROLLBACK');
    expect(await applied).toEqual(['1_both']);
  }, 30_000);
});
