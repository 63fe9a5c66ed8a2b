import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { migrate } from '../migrations/migrate.js';

const EARLY = '2026-01-01T00:00:00.123Z';
const LATE = '2026-02-01T00:00:00.456Z';

let server: TemporaryDatabase;
let pool: pg.Pool;
let image: string;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  pool = openPool(server.url);
}, 60_000);
afterAll(async () => {
  await pool?.end();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  image = await addImage(pool);
});

function openPool(connectionString: string): pg.Pool {
  const opened = new pg.Pool({ connectionString });
  // The server may stop before a connection has quite ended.
  opened.on('error', () => undefined);
  return opened;
}

async function addImage(to: pg.Pool): Promise<string> {
  const id = randomUUID();
  await to.query(
    `INSERT INTO images (id, status, visibility, created_at) VALUES ($1, 'active', 'shared', $2)`,
    [id, EARLY],
  );
  return id;
}

const SHARE = `INSERT INTO members (image_id, member, status) VALUES ($1, 'b', 'accepted')`;
const MOVE = 'UPDATE images SET created_at = $2 WHERE id = $1';

/** The times of an image's shares. */
async function times(): Promise<string[]> {
  const { rows } = await pool.query<{ at: Date }>(
    'SELECT created_at AS at FROM members WHERE image_id = $1',
    [image],
  );
  return rows.map(({ at }) => at.toISOString());
}

/** Whether a query waits for a lock after a while. */
async function waits(query: Promise<unknown>): Promise<boolean> {
  return Promise.race([query.then(() => false), sleep(300, true)]);
}

describe('the time of a share', () => {
  it("is its image's, whatever a writer sends", async () => {
    await pool.query(SHARE, [image]);
    expect(await times()).toEqual([EARLY]);
    await pool.query('UPDATE members SET created_at = $2 WHERE image_id = $1', [image, LATE]);
    expect(await times()).toEqual([EARLY]);
  });

  it("follows its image's", async () => {
    await pool.query(SHARE, [image]);
    await pool.query(MOVE, [image, LATE]);
    expect(await times()).toEqual([LATE]);
  });

  it.each([
    ['shared while its time changes', MOVE, SHARE],
    ['whose time changes while it is shared', SHARE, MOVE],
  ])('is right for an image %s', async (_, first, second) => {
    const [one, other] = await Promise.all([pool.connect(), pool.connect()]);
    const values = (text: string): string[] => (text === MOVE ? [image, LATE] : [image]);
    await one.query('BEGIN');
    await one.query(first, values(first));
    const waiting = other.query(second, values(second));
    expect(await waits(waiting)).toBe(true);
    await one.query('COMMIT');
    await waiting;
    expect(await times()).toEqual([LATE]);
    one.release();
    other.release();
  });

  it('is of no matter where there is no such image', async () => {
    await expect(pool.query(SHARE, [randomUUID()])).rejects.toMatchObject({ code: '23503' });
  });
});

it('has the time of its image where it was there before shares had one', async () => {
  await pool.query('CREATE DATABASE before TEMPLATE template0');
  const url = new URL(server.url);
  url.pathname = 'before';
  const before = openPool(url.toString());
  const scripts = new URL('../../../../prisma/migrations/', import.meta.url);
  const names = readdirSync(scripts)
    .filter((name) => !name.includes('.'))
    .sort();
  const place = names.findIndex((name) => name.endsWith('_list_plans'));
  const apply = (name: string): Promise<unknown> =>
    before.query(readFileSync(new URL(`${name}/migration.sql`, scripts), 'utf8'));
  for (const name of names.slice(0, place)) await apply(name);
  await before.query(SHARE, [await addImage(before)]);
  await apply(names[place]!);
  const { rows } = await before.query<{ at: Date }>('SELECT created_at AS at FROM members');
  expect(rows.map(({ at }) => at.toISOString())).toEqual([EARLY]);
  await before.end();
}, 30_000);
