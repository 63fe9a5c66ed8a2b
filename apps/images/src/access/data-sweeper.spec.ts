import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FileStore } from '@glimpse/data';
import { StoredImageObjects, migrate, openDatabase, storedCatalogue, type Database } from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import type { Catalogue } from '@glimpse/domain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSweeper } from './data-sweeper.js';
import { OwnStore } from './own-store.js';
import { OwnStores } from './own-stores.js';

const SEE_ALL = { project: null, admin: true };
const UNLIMITED = { bytes: 0, least: 0, quota: undefined };
const DATA = { size: 3, checksum: 'md5', hash: 'sha512', virtualSize: null };
const IMAGE = {
  ...({ name: null, visibility: 'private', owner: 'p', hidden: false, protected: false } as const),
  ...{ minDisk: 0, minRam: 0, diskFormat: 'raw', containerFormat: 'bare', tags: [], properties: {} },
};

let server: TemporaryDatabase;
let database: Database;
let catalogue: Catalogue;
let objects: StoredImageObjects;
let folder: string;
let data: FileStore;
let sweeper: DataSweeper;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
  catalogue = storedCatalogue(database);
  objects = new StoredImageObjects(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  await database.pool.query('TRUNCATE images, image_objects CASCADE');
  folder = mkdtempSync(join(tmpdir(), 'glimpse-sweeper-'));
  data = new FileStore({ path: folder, reserveBytes: 0 });
  sweeper = newSweeper();
});
afterEach(() => rmSync(folder, { recursive: true }));

const ownStore = (): OwnStore => new OwnStore(data, objects, { shownName: 'file', isDefault: true });

const newSweeper = (): DataSweeper =>
  new DataSweeper(objects, new OwnStores([ownStore()]), (reason) => {
    throw new Error(reason);
  });

async function* three(): AsyncGenerator<Buffer> {
  yield await Promise.resolve(Buffer.from('abc'));
}

/** An upload whose bytes are in the store, and whose writer does nothing more. */
async function begun(): Promise<{ image: string; id: string }> {
  const upload = { image: (await catalogue.editor!.create(IMAGE)).id, id: randomUUID() };
  await ownStore().verified();
  await objects.begin(upload, 'saving', UNLIMITED);
  await data.write(upload.id, three());
  return upload;
}

const statusOf = async (id: string): Promise<string> =>
  (await catalogue.current.imageToChange(id, SEE_ALL)).status;
const sweeps = async (count: number): Promise<void> => {
  for (let n = 0; n < count; n++) await sweeper.sweep();
};

describe('a writer', () => {
  it('whose beat six sweeps find unchanged is dead: its image waits for data again, without bytes', async () => {
    const { image, id } = await begun();
    await sweeps(6);
    expect([await statusOf(image), existsSync(join(folder, id))]).toEqual(['saving', true]);
    await sweeps(1);
    expect([await statusOf(image), existsSync(join(folder, id))]).toEqual(['queued', false]);
    expect(await objects.beat(id)).toBe(false);
    expect(await objects.activate({ image, id }, DATA)).toBe(false);
  });

  it('that shows in time that it lives is never given up', async () => {
    const { image, id } = await begun();
    for (let round = 0; round < 4; round++) {
      await sweeps(6);
      expect(await objects.beat(id)).toBe(true);
    }
    await sweeps(6);
    expect(await objects.activate({ image, id }, DATA)).toBe(true);
    await sweeps(10);
    expect([await statusOf(image), existsSync(join(folder, id))]).toEqual(['active', true]);
  });

  it('is given up by no sweep that another process made', async () => {
    const { image } = await begun();
    await sweeps(6);
    sweeper = newSweeper();
    await sweeps(6);
    expect(await statusOf(image)).toBe('saving');
  });

  it('that was asleep leaves no bytes: they are deleted a second time, a day later', async () => {
    const { id } = await begun();
    await sweeps(7);
    await data.write(id, three());
    await sweeps(2);
    expect(readdirSync(folder)).toContain(id);
    await database.pool.query("UPDATE image_objects SET swept_at = swept_at - interval '25 hours'");
    await sweeps(1);
    expect([readdirSync(folder), await objects.stateOf(id)]).toEqual([['catalogue-id'], undefined]);
  });
});

it('deletes all that is doomed in one sweep, however much that is', async () => {
  await ownStore().verified();
  const ids = Array.from({ length: 250 }, () => randomUUID());
  for (const id of ids) await data.write(id, three());
  await database.pool.query(
    "INSERT INTO image_objects (id, image_id, state) SELECT id, gen_random_uuid(), 'doomed' FROM unnest($1::uuid[]) AS id",
    [ids],
  );
  await sweeps(1);
  expect([readdirSync(folder), sweeper.queued]).toEqual([['catalogue-id'], 0]);
});

it('deletes nothing from the store of another catalogue', async () => {
  const { image, id } = await begun();
  await objects.activate({ image, id }, DATA);
  await catalogue.writer.delete(image);
  rmSync(join(folder, 'catalogue-id'));
  await data.writeMarker(randomUUID());
  await expect(sweeper.sweep()).rejects.toMatchObject({ code: 'wrong-store' });
  expect(existsSync(join(folder, id))).toBe(true);
  expect(await objects.doomed()).toEqual([id]);
});

it('deletes the others where one cannot be deleted, and counts what is left', async () => {
  const doomed = async (): Promise<string> => {
    const upload = await begun();
    await catalogue.writer.delete(upload.image);
    return upload.id;
  };
  const [stuck, ...others] = [await doomed(), await doomed(), await doomed()];
  expect(Number.isNaN(sweeper.queued)).toBe(true);
  // A folder in place of a file.
  rmSync(join(folder, stuck!));
  mkdirSync(join(folder, stuck!));
  await expect(sweeper.sweep()).rejects.toMatchObject({ code: 'data-unavailable' });
  expect(others.filter((id) => existsSync(join(folder, id)))).toEqual([]);
  expect([await objects.doomed(), sweeper.queued]).toEqual([[stuck], 1]);
  const { age } = sweeper;
  rmSync(join(folder, stuck!), { recursive: true });
  await sweeps(1);
  expect([await objects.doomed(), sweeper.queued, sweeper.age < age]).toEqual([[], 0, true]);
});
