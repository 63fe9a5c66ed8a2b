import { readFileSync } from 'node:fs';
import { IMAGE_STATUSES, VISIBILITIES, type SourceImage } from '@glimpse/domain';
import { sourceImageOf } from '@glimpse/domain/testing';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { importImages } from '../images/import.js';
import { migrate } from '../migrations/migrate.js';

let server: TemporaryDatabase;
let pool: pg.Pool;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  pool = new pg.Pool({ connectionString: server.url });
  // The server may stop before a connection has quite ended.
  pool.on('error', () => undefined);
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await server?.close();
}, 60_000);
beforeEach(() => pool.query('TRUNCATE images CASCADE'));

const SCRIPT = readFileSync(
  new URL('../../../../prisma/migrations/20261129160000_own_lists/migration.sql', import.meta.url),
  'utf8',
);
const IDS = Array.from({ length: 8 }, (_, n) => `00000000-0000-4000-8000-00000000000${n}`);
const ADD = `INSERT INTO images (id, status, visibility, properties, created_at)
             SELECT id, 'active', 'public', '{"os": "debian", "arch": "x"}', '2026-01-01' FROM unnest($1::uuid[]) AS id`;

/** The rows, and those that the images require; `xmin` identifies the transaction that wrote one. */
async function rows(): Promise<{ kept: string[]; due: string[]; writtenBy: string[] }> {
  const kept = await pool.query<{ row: string; xmin: string }>(
    `SELECT hash || ' ' || created_at || ' ' || image_id AS row, xmin::text FROM image_properties ORDER BY 1`,
  );
  const due = await pool.query<{ row: string }>(
    `SELECT property_hash(visibility, key, value) || ' ' || created_at || ' ' || id AS row
     FROM images, jsonb_each_text(properties) WHERE NOT hidden AND deleted_at IS NULL
     UNION ALL
     SELECT owned_property_hash(owner, visibility, key, value) || ' ' || created_at || ' ' || id
     FROM images, jsonb_each_text(properties)
     WHERE NOT hidden AND deleted_at IS NULL AND visibility <> 'public' AND owner IS NOT NULL
     ORDER BY 1`,
  );
  return {
    kept: kept.rows.map(({ row }) => row),
    due: due.rows.map(({ row }) => row),
    writtenBy: kept.rows.map(({ xmin }) => xmin),
  };
}

const time = fc.integer({ min: 0, max: 3 }).map((n) => new Date(Date.UTC(2026, 0, 1, 0, n)));
const image: fc.Arbitrary<SourceImage> = fc
  .record({
    id: fc.constantFrom(...IDS),
    name: fc.constant(null),
    status: fc.constantFrom(...IMAGE_STATUSES),
    visibility: fc.constantFrom(...VISIBILITIES),
    hidden: fc.boolean(),
    deleted: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    owner: fc.constantFrom('a', 'b', null),
    protected: fc.constant(false),
    size: fc.constant(null),
    minDisk: fc.constant(0),
    minRam: fc.constant(0),
    properties: fc.dictionary(fc.constantFrom('os', 'arch'), fc.constantFrom('x', 'y', '')),
    createdAt: time,
    updatedAt: time,
  })
  .map((attributes) => sourceImageOf(attributes));

it('are those of the images that lists show, whatever happens to images', async () => {
  const client = await pool.connect();
  const written = fc.uniqueArray(image, { selector: ({ id }) => id, minLength: 1 });
  const others = fc.constantFrom(
    `UPDATE images SET properties = properties || '{"os": "z"}' WHERE id > $1`,
    `UPDATE images SET hidden = NOT hidden WHERE id < $1`,
    `UPDATE images SET owner = 'c' WHERE id > $1`,
    `UPDATE images SET visibility = 'community', created_at = created_at + interval '1 s' WHERE id = $1`,
    `UPDATE images SET id = gen_random_uuid() WHERE id = $1`,
    `DELETE FROM images WHERE id < $1`,
  );
  await fc.assert(
    fc.asyncProperty(written, written, others, fc.constantFrom(...IDS), async (first, second, other, id) => {
      await importImages(client, first, true);
      await importImages(client, second, true);
      await client.query(other, [id]);
      const { kept, due } = await rows();
      expect(kept).toEqual(due);
    }),
    { numRuns: 150, seed: 20261124 },
  );
  client.release();
}, 60_000);

it('stay as they are where a change leaves them what they were', async () => {
  await pool.query(ADD, [IDS]);
  const before = await rows();
  await pool.query(`UPDATE images SET status = 'saving', name = 'new', updated_at = now()`);
  expect(await rows()).toEqual(before);
  await pool.query(`UPDATE images SET properties = properties || '{"os": "arch"}'`);
  const after = await rows();
  expect(after.kept).toEqual(after.due);
  expect(after.writtenBy.filter((statement) => before.writtenBy.includes(statement))).toHaveLength(
    IDS.length,
  );
});

it('go when the table is emptied', async () => {
  await pool.query(ADD, [IDS]);
  expect((await rows()).kept).toHaveLength(2 * IDS.length);
  await pool.query('TRUNCATE images CASCADE');
  expect((await rows()).kept).toEqual([]);
});

it('distinguish names and values whose concatenation is the same text', async () => {
  const { rows: hashes } = await pool.query<{ hash: string }>(
    `SELECT property_hash('public', name, value) AS hash
     FROM (VALUES ('a', 'bc'), ('ab', 'c'), ('abc', ''), ('', 'abc'), ('bc', 'a')) AS pairs (name, value)`,
  );
  expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(5);
});

it('are right after many concurrent changes of the same images, without a deadlock', async () => {
  await pool.query(ADD, [IDS]);
  const change = (n: number): Promise<unknown> =>
    pool.query(`UPDATE images SET properties = properties || $2 WHERE id = $1`, [
      IDS[n % IDS.length],
      { os: `${n % 7}`, [`key ${n % 5}`]: 'x' },
    ]);
  const flip = (n: number): Promise<unknown> =>
    pool.query('UPDATE images SET hidden = NOT hidden WHERE id = $1', [IDS[(n * 3) % IDS.length]]);
  await Promise.all(Array.from({ length: 400 }, (_, n) => (n % 4 === 0 ? flip(n) : change(n))));
  const { kept, due } = await rows();
  expect(kept).toEqual(due);
});

it('are made of the images that a catalogue had before', async () => {
  await pool.query(ADD, [IDS]);
  await pool.query(`UPDATE images SET hidden = true WHERE id = $1`, [IDS[0]]);
  await pool.query(`UPDATE images SET owner = 'a', visibility = 'private' WHERE id > $1`, [IDS[3]]);
  const { kept } = await rows();
  await pool.query(`
    DROP INDEX images_owned_idx, images_community_names_idx;
    DROP FUNCTION image_property_hashes; DROP FUNCTION owned_property_hash;
    CREATE FUNCTION listed_property_hashes() RETURNS void LANGUAGE sql RETURN NULL;
    DELETE FROM image_properties WHERE hash NOT IN (
      SELECT property_hash(visibility, key, value) FROM images, jsonb_each_text(properties))`);
  const { rowCount } = await pool.query('SELECT FROM image_properties');
  expect(rowCount).toBe(kept.length - 2 * (IDS.length - 4));
  await pool.query(SCRIPT);
  expect((await rows()).kept).toEqual(kept);
});
