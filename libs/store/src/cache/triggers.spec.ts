import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SourceImage } from '@glimpse/domain';
import { membersOf, sourceImageOf } from '@glimpse/domain/testing';
import pg from 'pg';
import { StoredImageWriter } from '../images/stored-image-writer.js';
import { openDatabase, type Database } from '../connection/database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { importImages, importMembers } from '../images/import.js';
import { migrate } from '../migrations/migrate.js';
import { purgeImages } from '../images/purge.js';

let server: TemporaryDatabase;
let database: Database;
let listener: pg.Client;
let received: string[];
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 2 });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  listener = new pg.Client({ connectionString: server.url });
  await listener.connect();
  await listener.query('TRUNCATE images CASCADE');
  await listener.query('LISTEN glimpse_images');
  received = [];
  listener.on('notification', ({ payload = '' }) => received.push(payload));
});
afterEach(() => listener.end());

/** The payloads of the notifications that the statements of `happens` send. */
async function notifiedBy(happens: () => Promise<unknown>): Promise<string[]> {
  await happens();
  // The response arrives after all notifications before it.
  await listener.query('SELECT');
  return received.splice(0);
}

const query = (text: string, values?: unknown[]): Promise<pg.QueryResult> =>
  database.pool.query(text, values);

const image = (id: string, over: Partial<SourceImage> = {}): SourceImage =>
  sourceImageOf({ id, name: 'an image', visibility: 'shared', size: null, ...over });

async function importAll(...images: SourceImage[]): Promise<void> {
  const client = await database.pool.connect();
  await importImages(client, images, false).finally(() => client.release());
}

async function share(id: string, members: Record<string, 'pending' | 'accepted'>): Promise<void> {
  const client = await database.pool.connect();
  const given = [{ imageId: id, members: membersOf(members) }];
  await importMembers(client, given).finally(() => client.release());
}

/** So many images, by their ids in order. */
async function insert(count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => randomUUID()).sort();
  await query(
    `INSERT INTO images (id, status, visibility, owner, created_at)
     SELECT id, 'active', 'shared', 'owner', now() FROM unnest($1::uuid[]) AS id`,
    [ids],
  );
  return ids;
}

/** The ids in some payloads. */
const idsIn = (payloads: readonly string[]): string[] =>
  payloads.flatMap((payload) => payload.split(',')).sort();

describe('a notification', () => {
  const id = randomUUID();

  it('is given of a change and a deletion through the service, and of none that changes nothing', async () => {
    await importAll(image(id));
    const writer = new StoredImageWriter(database);
    const merge = { kind: 'merge', properties: { a: 'b' } } as const;
    expect(await notifiedBy(() => writer.change(id, { properties: merge }))).toEqual([id]);
    expect(await notifiedBy(() => writer.change(id, { properties: merge }))).toEqual([]);
    expect(await notifiedBy(() => writer.delete(id))).toEqual([id]);
    expect(await notifiedBy(() => writer.delete(id).catch(() => undefined))).toEqual([]);
  });

  it('is given by an import of what it replaces, and of nothing that is new or equal', async () => {
    const [other, third] = [randomUUID(), randomUUID()];
    expect(await notifiedBy(() => importAll(image(id), image(other)))).toEqual([]);
    const later = { updatedAt: new Date('2026-01-02T00:00:00Z') };
    const batch = [image(id, { ...later, name: 'renamed' }), image(other), image(third)];
    expect(await notifiedBy(() => importAll(...batch))).toEqual([id]);
    expect(await notifiedBy(() => importAll(image(other, { ...later, deleted: true })))).toEqual([other]);
  });

  it('is given of members that come, change and go', async () => {
    await importAll(image(id));
    expect(await notifiedBy(() => share(id, { one: 'pending', two: 'pending' }))).toEqual([id]);
    expect(await notifiedBy(() => share(id, { one: 'pending', two: 'pending' }))).toEqual([]);
    expect(await notifiedBy(() => share(id, { one: 'accepted', two: 'pending' }))).toEqual([id]);
    expect(await notifiedBy(() => share(id, { one: 'accepted' }))).toEqual([id]);
  });

  it('is given of an image under its old id and its new one', async () => {
    const [old] = await insert(1);
    const notified = await notifiedBy(() => query('UPDATE images SET id = $2 WHERE id = $1', [old, id]));
    expect(idsIn(notified)).toEqual([old, id].sort());
  });

  it('is given once of an image that is purged, whatever its members', async () => {
    const ids = await insert(3);
    for (const each of ids) await notifiedBy(() => share(each, { one: 'accepted', two: 'pending' }));
    await notifiedBy(() => query('UPDATE images SET deleted_at = now()'));
    const notified = await notifiedBy(() => purgeImages(database, new Date(Date.now() + 1_000)));
    expect(idsIn(notified)).toEqual(ids);
  });

  it('is not given when the transaction is undone', async () => {
    await insert(1);
    const undone = `BEGIN; UPDATE images SET name = 'renamed'; ROLLBACK`;
    expect(await notifiedBy(() => query(undone))).toEqual([]);
  });

  it.each([217, 1_000])('of %i images has each id once, a hundred in a payload at most', async (count) => {
    const ids = await insert(count);
    const notified = await notifiedBy(() => query(`UPDATE images SET name = 'renamed'`));
    expect(idsIn(notified)).toEqual(ids);
    expect(notified).toHaveLength(Math.ceil(count / 100));
    for (const payload of notified) expect(payload.length).toBeLessThan(8_000);
  });

  it('of more than a thousand images is one, for all there are', async () => {
    const ids = await insert(1_001);
    expect(await notifiedBy(() => query(`UPDATE images SET name = 'renamed'`))).toEqual(['*']);
    expect(
      await notifiedBy(() =>
        query(`INSERT INTO members SELECT id, 'one' FROM unnest($1::uuid[]) AS id`, [ids]),
      ),
    ).toEqual(['*']);
    expect(await notifiedBy(() => query(`UPDATE members SET status = 'accepted'`))).toEqual(['*']);
    expect(await notifiedBy(() => query('DELETE FROM members'))).toEqual(['*']);
    expect(await notifiedBy(() => query('DELETE FROM images'))).toEqual(['*']);
  });

  it('of tables that are emptied is one, for all there are', async () => {
    await insert(1);
    expect(await notifiedBy(() => query('TRUNCATE members'))).toEqual(['*']);
    expect(await notifiedBy(() => query('TRUNCATE images CASCADE'))).toEqual(['*']);
  });

  it('is sent whatever the search path of the session that changes an image', async () => {
    const [only] = await insert(1);
    const elsewhere = `SET LOCAL search_path = ''; UPDATE public.images SET name = 'renamed';`;
    expect(await notifiedBy(() => query(`BEGIN; ${elsewhere} COMMIT`))).toEqual([only]);
  });
});
