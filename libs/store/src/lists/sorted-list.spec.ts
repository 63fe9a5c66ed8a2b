import type { ImageCriteria, Viewer } from '@glimpse/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openDatabase, type Database } from '../connection/database.js';
import { migrate } from '../migrations/migrate.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { sortedListStatement } from './sorted-list.js';
import { StoredImageLister } from './stored-image-lister.js';

const TENANT: Viewer = { project: 'tenant', admin: false };
const BY_NAME: ImageCriteria = {
  limit: 25,
  order: [
    { attribute: 'name', direction: 'asc' },
    { attribute: 'id', direction: 'asc' },
  ],
};

/** Lists in orders that the indexes of others' images would serve, too. */
const LISTS: Readonly<Record<string, ImageCriteria>> = {
  'by name': BY_NAME,
  'by id': { limit: 25, order: [{ attribute: 'id', direction: 'desc' }] },
  'of a name': { ...BY_NAME, names: ['secret'] },
  'of hidden images': { ...BY_NAME, hidden: true },
  'of ids': { limit: 25, ids: ['00000000-0000-4000-8000-000000000007'] },
  'of a part of a name': { ...BY_NAME, search: 'ecre' },
};

let server: TemporaryDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  // A session of its own, whose settings tests change.
  database = openDatabase({ url: server.url, poolSize: 1 });
  await addImages('tenant', 2_000);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

async function addImages(owner: string, count: number): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(
    `INSERT INTO images (id, name, status, visibility, hidden, owner, created_at)
     SELECT CASE WHEN $1 = 'tenant' THEN ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid ELSE gen_random_uuid() END,
            CASE WHEN $1 = 'tenant' THEN 'image ' || n ELSE 'secret' END, 'active', 'private', n % 50 = 0, $1, '2026-01-01'
     FROM generate_series(1, $2::int) AS n`,
    [owner, count],
  );
  await client.query('VACUUM ANALYZE images');
  await client.end();
}

function literal(value: unknown): string {
  if (Array.isArray(value)) return `'{${value.join(',')}}'`;
  return typeof value === 'number' ? String(value) : pg.escapeLiteral(String(value));
}

/** The buffers that each list touches. */
async function buffersOfLists(): Promise<Record<string, number>> {
  const buffers: Record<string, number> = {};
  for (const [name, criteria] of Object.entries(LISTS)) {
    const { text, values } = sortedListStatement(criteria, TENANT)!;
    // As connections plan it: whatever the values are.
    await database.pool.query(`PREPARE list AS ${text}`);
    const { rows } = await database.pool.query<{ 'QUERY PLAN': [{ Plan: Record<string, number> }] }>(
      `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) EXECUTE list(${values.map(literal).join(', ')})`,
    );
    await database.pool.query('DEALLOCATE list');
    const plan = rows[0]!['QUERY PLAN'][0].Plan;
    buffers[name] = plan['Shared Hit Blocks']! + plan['Shared Read Blocks']!;
  }
  return buffers;
}

describe('a list in another order than newest first', () => {
  it('reads nothing of what other projects have', async () => {
    const before = await buffersOfLists();
    await addImages('other', 20_000);
    const after = await buffersOfLists();
    // Indexes of more images have more levels; the images of the other project are on hundreds of pages.
    const grown = Object.keys(after).filter((list) => after[list]! > 1.2 * before[list]! + 120);
    expect(grown.map((list) => [list, before[list], after[list]])).toEqual([]);
  }, 60_000);

  it('is given up at its time limit, which is no outage of the database', async () => {
    const reported: unknown[] = [];
    const lister = new StoredImageLister(database, { onUnavailable: (error) => reported.push(error) });
    expect((await lister.images(BY_NAME, TENANT)).value.images).toHaveLength(25);
    await database.pool.query('SET statement_timeout = 1');
    await expect(lister.images(BY_NAME, { ...TENANT, admin: true })).rejects.toMatchObject({
      code: 'list-timeout',
      message: expect.stringMatching(/^Sorting the list took longer than 2000 ms\./),
    });
    expect(reported).toEqual([]);
  });
});
