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

describe('with several stores', () => {
  let stores: OwnStores;
  const storeOf = (name: string, isDefault: boolean): OwnStore => {
    const files = new FileStore({ path: join(folder, name), reserveBytes: 0 });
    return new OwnStore(files, objects, { name, shownName: name, isDefault });
  };

  beforeEach(async () => {
    await database.pool.query('UPDATE catalogue_id SET first_store = NULL');
    stores = new OwnStores([storeOf('slow', false), storeOf('fast', true)]);
    sweeper = new DataSweeper(objects, stores, (reason) => {
      throw new Error(reason);
    });
    for (const each of stores.all) await each.verified();
  });

  /** An active image with data in the store `fast`. */
  async function active(): Promise<string> {
    const upload = { image: (await catalogue.editor!.create(IMAGE)).id, id: randomUUID(), store: 'fast' };
    await objects.begin(upload, 'saving', UNLIMITED);
    await (await stores.named('fast').verified()).write(upload.id, three());
    await objects.activate(upload, DATA);
    return upload.image;
  }

  it('an import whose writer is dead ends, and its stores have failed', async () => {
    const image = await active();
    const run = { image, id: randomUUID() };
    const copy = { id: randomUUID(), store: 'slow', bytes: 3 };
    const requester = { project: 'p', userId: 'u', requestId: 'req-1', request: {} };
    const started = { ...run, stores: ['slow'], objects: [copy], size: 3, requester };
    await objects.imports.begin({ ...started, status: 'active' }, undefined);
    await (await stores.named('slow').verified()).write(copy.id, three());
    await sweeps(6);
    expect(await objects.imports.beat(run)).toBe(true);
    await sweeps(6);
    expect(existsSync(join(folder, 'slow', copy.id))).toBe(true);
    await sweeps(1);
    expect(existsSync(join(folder, 'slow', copy.id))).toBe(false);
    const { status, properties } = await catalogue.current.imageToChange(image, SEE_ALL);
    expect([status, properties]).toEqual([
      ...['active', { os_glance_importing_to_stores: '', os_glance_failed_import: 'slow' }],
    ]);
    const failure = 'The service that copied the data has ended.';
    expect(await objects.imports.ofImage(image)).toMatchObject([{ id: run.id, failure }]);
    expect(await objects.imports.settle(run, { live: [copy.id], ends: true, size: 3 })).toBe(false);
  });

  it('one that is unavailable does not keep the bytes of the others', async () => {
    const image = await active();
    const { id } = (await objects.live(image, ['fast']))[0]!;
    await catalogue.writer.delete(image);
    await database.pool.query(
      "INSERT INTO image_objects (id, image_id, state, store) VALUES (gen_random_uuid(), gen_random_uuid(), 'doomed', 'slow')",
    );
    rmSync(join(folder, 'slow'), { recursive: true });
    await expect(sweeper.sweep()).rejects.toMatchObject({ code: 'wrong-store' });
    expect([existsSync(join(folder, 'fast', id)), sweeper.queued]).toEqual([false, 1]);
  });

  it('objects of a store that is not configured wait until it is', async () => {
    const image = await active();
    const [object] = await objects.live(image, ['fast']);
    await catalogue.writer.delete(image);
    sweeper = new DataSweeper(objects, new OwnStores([storeOf('slow', true)]), () => undefined);
    await sweeps(2);
    expect([sweeper.queued, await objects.doomed('fast')]).toEqual([0, [object!.id]]);
    sweeper = new DataSweeper(objects, stores, () => undefined);
    await sweeps(1);
    expect(await objects.doomed('fast')).toEqual([]);
  });

  it('objects without a store are named after the default one', async () => {
    const image = await active();
    await database.pool.query('UPDATE image_objects SET store = NULL; UPDATE images SET locations = NULL');
    await sweeps(1);
    const { locations } = await catalogue.current.imageToChange(image, SEE_ALL);
    expect(locations).toEqual({ stores: 'fast' });
  });
});
