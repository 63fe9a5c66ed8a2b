import { CatalogueUnavailable, type ImageEditor, type NewImage } from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from '../connection/database.js';
import { migrate } from '../migrations/migrate.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';

const IMAGES = 40;

let server: TemporaryDatabase;
let database: Database;
let editor: ImageEditor;

beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
  editor = storedCatalogue(database).editor!;
}, 60_000);

afterAll(async () => {
  await database.close();
  await server.close();
});

function image(attributes: Partial<NewImage>): NewImage {
  return {
    ...{ name: null, visibility: 'private', hidden: false, owner: 'owner', protected: false },
    ...{ minDisk: 0, minRam: 0, diskFormat: 'raw', containerFormat: 'bare', tags: [], properties: {} },
    ...attributes,
  };
}

/** The connections that wait for a lock. */
async function waiting({ pool }: Database): Promise<number[]> {
  const { rows } = await pool.query<{ pid: number }>(
    "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
  );
  return rows.map(({ pid }) => pid);
}

it('creates images that arrive at once by few statements, each as its client sent it', async () => {
  const wanted = Array.from({ length: IMAGES }, (_, at) => ({
    ...{ name: `image ${at}`, owner: `project ${at % 3}` },
    ...{ tags: [`tag ${at}`], properties: { at: String(at) } },
  }));
  const created = await Promise.all(wanted.map((attributes) => editor.create(image(attributes))));
  expect(created).toMatchObject(wanted.map((attributes) => ({ ...attributes, status: 'queued' })));
  expect(new Set(created.map(({ id }) => id)).size).toBe(IMAGES);
  const { rows } = await database.pool.query<{ statements: string }>(
    'SELECT count(DISTINCT xmin::text) AS statements FROM images WHERE id = ANY ($1)',
    [created.map(({ id }) => id)],
  );
  expect(Number(rows[0]!.statements)).toBeLessThan(IMAGES / 4);
});

it('creates the others when PostgreSQL refuses one of them', async () => {
  const names = ['first', 'second', 'too long'.padEnd(300, '.'), 'fourth'];
  const created = await Promise.allSettled(names.map((name) => editor.create(image({ name }))));
  expect(created.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'fulfilled']);
});

it('refuses all that wait for an unavailable database together, and creates images once it is available', async () => {
  const lock = openDatabase({ url: server.url, poolSize: 1 });
  await lock.pool.query('BEGIN; LOCK TABLE images IN SHARE MODE');
  const first = editor.create(image({ name: 'first' }));
  const others = ['second', 'third'].map((name) => editor.create(image({ name })));
  const outcomes = Promise.allSettled([first, ...others]);
  await until(async () => (await waiting(lock)).length > 0);
  await lock.pool.query('SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS pid', [
    await waiting(lock),
  ]);
  expect((await outcomes).map((outcome) => (outcome as PromiseRejectedResult).reason)).toEqual(
    Array.from({ length: 3 }, () => expect.any(CatalogueUnavailable)),
  );
  await lock.close();
  expect(await editor.create(image({ name: 'fourth' }))).toMatchObject({ name: 'fourth' });
});
