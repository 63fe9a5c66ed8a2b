import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { glimpse, spawnGlimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { amount } from '../harness/long.js';

const FOLDER = new URL('../../../../prisma/migrations/', import.meta.url);
const NAMES = readdirSync(FOLDER)
  .filter((name) => !name.includes('.'))
  .sort();
/** The first migrations, which make the tables. */
const BASE = NAMES.slice(0, 2);

/** The number of runs that are killed on a database, one after another, before one completes it. */
const KILLS = 3;
const DATABASES = amount(8, 67);

const scriptOf = (name: string): string => readFileSync(new URL(`${name}/migration.sql`, FOLDER), 'utf8');

/** The schema of a database: columns, indexes, constraints, triggers and functions. */
async function schemaOf(database: string): Promise<unknown> {
  return query(
    database,
    `SELECT 'column' AS kind, format('%s.%s %s %s', table_name, column_name, data_type, column_default) AS text
     FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT 'index', indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT 'invalid index', indexrelid::regclass::text FROM pg_index WHERE NOT indisvalid
     UNION ALL SELECT 'constraint', conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace
     UNION ALL SELECT 'trigger', pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
     UNION ALL SELECT 'function', proname || prosrc FROM pg_proc WHERE pronamespace = 'public'::regnamespace
     ORDER BY 1, 2`,
  );
}

/** A database with images, as an older release left it: in the middle of its next migration. */
async function createFilled(): Promise<string> {
  const database = await createDatabase('empty');
  for (const name of BASE) await query(database, scriptOf(name));
  await query(
    database,
    `INSERT INTO images (id, name, status, visibility, owner, properties, created_at, updated_at)
     SELECT gen_random_uuid(), 'image ' || number, 'active', 'private', 'project', '{"a": "b", "c": "d"}', now(), now()
     FROM generate_series(1, 5000) AS number`,
  );
  await query(
    database,
    `CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz,
       migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz,
       started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0)`,
  );
  for (const [position, name] of NAMES.slice(0, BASE.length + 1).entries()) {
    const checksum = createHash('sha256').update(scriptOf(name)).digest('hex');
    const finished = position < BASE.length ? 'now()' : 'NULL';
    await query(
      database,
      `INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at)
       VALUES (gen_random_uuid(), '${checksum}', '${name}', ${finished})`,
    );
  }
  return database;
}

const settingsOf = (database: string): Record<string, string> => ({ DATABASE_URL: databaseUrl(database) });

/** Migrates a database. @returns milliseconds from the start until the first migration was applied */
async function firstAppliedAfter(database: string): Promise<number> {
  const before = performance.now();
  const run = spawnGlimpse(['migrate'], settingsOf(database));
  const [[first]] = (await Promise.all([
    once(run.stdout, 'data').then(() => [performance.now() - before]),
    once(run, 'close').then((end) => expect(end).toEqual([0, null])),
  ])) as [[number], unknown];
  return first;
}

/** The most lines of a run, one for each applied migration, before it is killed. */
const MAX_LINES = 3;
/** The most milliseconds after a line: some migrations. */
const AFTER_LINE_MS = 60;

/**
 * Kills a run at a random moment: while it starts and applies the first migration, or soon after it has applied some.
 *
 * @param first milliseconds from the start until a run has applied its first migration
 * @returns whether it was killed before its end
 */
async function killed(database: string, first: number): Promise<boolean> {
  const run = spawnGlimpse(['migrate'], settingsOf(database));
  run.stderr.resume();
  const ended = once(run, 'close');
  const lines = Math.floor(Math.random() * (MAX_LINES + 1));
  const applied = new Promise<void>((resolve) => {
    let seen = 0;
    run.stdout.on('data', (chunk: Buffer) => {
      seen += chunk.toString().split('\n').length - 1;
      if (seen >= lines) resolve();
    });
  });
  if (lines > 0) await Promise.race([applied, ended]);
  await Promise.race([sleep(Math.random() * (lines > 0 ? AFTER_LINE_MS : first)), ended]);
  run.kill('SIGKILL');
  const [, signal] = (await ended) as [number | null, string | null];
  return signal === 'SIGKILL';
}

describe('glimpse migrate that is killed at random moments', () => {
  const reference: Record<string, { schema: unknown; first: number }> = {};
  const create = { empty: () => createDatabase('empty'), filled: createFilled };
  beforeAll(async () => {
    for (const kind of ['empty', 'filled'] as const) {
      const database = await create[kind]();
      const first = await firstAppliedAfter(database);
      reference[kind] = { first, schema: await schemaOf(database) };
    }
  }, 60_000);

  it('or loses its connection reports it in one line, and is completed by one more run', async () => {
    const database = await createFilled();
    const other = new pg.Client({ connectionString: databaseUrl(database) });
    await other.connect();
    try {
      // The next migration waits for this lock.
      await other.query('BEGIN; LOCK TABLE images IN ACCESS EXCLUSIVE MODE');
      const run = glimpse(['migrate'], settingsOf(database));
      await until(async () => {
        const ended = await query(
          database,
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
           WHERE datname = current_database() AND wait_event_type = 'Lock'`,
        );
        return ended.length > 0;
      });
      const { code, stderr } = await run;
      expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringMatching(/^glimpse: [^\n]+\n$/) });
      await other.query('COMMIT');
    } finally {
      await other.end();
    }
    expect(await glimpse(['migrate'], settingsOf(database))).toMatchObject({ code: 0, stderr: '' });
    expect(await schemaOf(database)).toEqual(reference['filled']!.schema);
  }, 60_000);

  it.each(['empty', 'filled'] as const)(
    'on a database that is %s is completed by one more run',
    async (kind) => {
      const { schema, first } = reference[kind]!;
      let hits = 0;
      for (let round = 0; round < DATABASES / 2; round++) {
        const database = await create[kind]();
        for (let kill = 0; kill < KILLS; kill++) hits += Number(await killed(database, first));
        expect(await glimpse(['migrate'], settingsOf(database))).toMatchObject({ code: 0, stderr: '' });
        expect(await schemaOf(database)).toEqual(schema);
        const images = kind === 'filled' ? 5_000 : 0;
        expect(await query(database, 'SELECT count(*)::int AS count FROM images')).toEqual([
          { count: images },
        ]);
        const applied = `SELECT migration_name AS name FROM _prisma_migrations
                         WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL ORDER BY name`;
        expect((await query(database, applied)).map(({ name }) => name)).toEqual(NAMES);
        await query('postgres', `DROP DATABASE ${database} WITH (FORCE)`);
      }
      expect(hits).toBeGreaterThan(0);
    },
    DATABASES * 30_000,
  );
});
