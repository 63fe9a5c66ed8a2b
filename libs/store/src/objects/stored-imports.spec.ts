import { randomUUID } from 'node:crypto';
import type { Catalogue, Image } from '@glimpse/domain';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from '../connection/database.js';
import { migrate } from '../migrations/migrate.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { StoredImageObjects } from './stored-image-objects.js';
import type { ImageImport } from './stored-imports.js';

const DATA = { size: 5, checksum: 'md5', hash: 'sha512', virtualSize: 7 };
const UNLIMITED = { bytes: 0, least: 0, quota: undefined };
const SEE_ALL = { project: null, admin: true };
const STORES = ['fast', 'slow', 'far'];
const REQUESTER = {
  project: 'p',
  userId: 'u',
  requestId: 'req-1',
  request: { method: { name: 'copy-image' } },
};
const REQUESTED = { size: 5, requester: REQUESTER };

let server: TemporaryDatabase;
let database: Database;
let catalogue: Catalogue;
let objects: StoredImageObjects;
let owner: string;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 8 });
  catalogue = storedCatalogue(database);
  objects = new StoredImageObjects(database);
  await objects.identity();
  await objects.nameFirstStore('fast');
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(() => {
  owner = randomUUID();
});

const imageOf = (id: string): Promise<Image> => catalogue.current.imageToChange(id, SEE_ALL);

/** An image with an upload to the store `fast`, which is complete. */
async function uploaded(status: 'saving' | 'uploading'): Promise<string> {
  const { id: image } = await catalogue.editor!.create({
    ...({ name: null, visibility: 'private', owner, hidden: false, protected: false } as const),
    ...{ minDisk: 0, minRam: 0, diskFormat: 'raw', containerFormat: 'bare', tags: [], properties: {} },
  });
  const upload = { image, id: randomUUID(), store: 'fast' };
  await objects.begin(upload, status, { ...UNLIMITED, bytes: 5, least: 5 });
  expect(await (status === 'saving' ? objects.activate(upload, DATA) : objects.stage(upload, DATA))).toBe(
    true,
  );
  return image;
}

interface Begun extends ImageImport {
  /** The objects to write, by store. */
  readonly written: Readonly<Record<string, string>>;
}

/** Begins an import that copies to stores. */
async function begun(
  image: string,
  status: 'uploading' | 'active',
  written: readonly string[],
  adopted: readonly string[] = [],
): Promise<Begun> {
  const id = randomUUID();
  const copies = written.map((store) => ({ id: randomUUID(), store, bytes: 5 }));
  const stores = [...adopted, ...written];
  expect(
    await objects.imports.begin({ image, id, status, stores, objects: copies, ...REQUESTED }, undefined),
  ).toMatchObject({
    begun: true,
  });
  return { image, id, written: Object.fromEntries(copies.map((object) => [object.store, object.id])) };
}

/** What clients wait for. */
async function shown(image: string): Promise<unknown[]> {
  const { status, locations, properties } = await imageOf(image);
  const { os_glance_importing_to_stores: importing, os_glance_failed_import: failed } = properties;
  return [status, locations?.stores, importing, failed, Object.hasOwn(properties, 'os_glance_import_task')];
}

const placesOf = async (image: string): Promise<(number | undefined)[]> =>
  (await objects.live(image, STORES)).map(({ place }) => place);

async function usage(): Promise<number> {
  const { rows } = await database.pool.query<{ bytes: string }>(
    'SELECT bytes FROM project_usage WHERE project = $1',
    [owner],
  );
  return Number(rows[0]?.bytes ?? 0);
}

describe('an import of staged data', () => {
  it('gives the image the data of all stores at its end, the staged data included', async () => {
    const image = await uploaded('uploading');
    const { id: staged } = (await objects.imports.staged(image))!;
    const run = await begun(image, 'uploading', ['slow', 'far'], ['fast']);
    expect(await shown(image)).toEqual(['importing', undefined, 'fast,slow,far', '', true]);
    expect(await objects.imports.settle(run, { done: ['fast', 'slow'], size: 5 })).toBe(true);
    expect(await shown(image)).toEqual(['importing', undefined, 'far', '', true]);
    const live = [staged, run.written['slow']!, run.written['far']!];
    expect(await objects.imports.settle(run, { live, ends: true, size: 5 })).toBe(true);
    expect(await shown(image)).toEqual(['active', 'far,fast,slow', '', '', false]);
    expect(await imageOf(image)).toMatchObject({
      size: 5,
      checksum: 'md5',
      hashValue: 'sha512',
      virtualSize: 7,
    });
    expect([await placesOf(image), await usage()]).toEqual([[0, 1, 2], 15]);
    expect(await objects.imports.settle(run, { live, ends: true, size: 5 })).toBe(false);
  });

  it('to other stores alone deletes the staged data', async () => {
    const image = await uploaded('uploading');
    const run = await begun(image, 'uploading', ['slow']);
    await objects.imports.settle(run, { live: [run.written['slow']!], ends: true, size: 5 });
    expect(await shown(image)).toEqual(['active', 'slow', '', '', false]);
    expect([await placesOf(image), await usage()]).toEqual([[1], 5]);
  });

  it('of which every store fails leaves the data staged, for another import', async () => {
    const image = await uploaded('uploading');
    const run = await begun(image, 'uploading', ['slow'], ['fast']);
    await objects.imports.settle(run, { failed: ['slow'], ends: true, size: 5 });
    expect(await shown(image)).toEqual(['uploading', undefined, '', 'slow', false]);
    expect([await placesOf(image), await usage()]).toEqual([[], 5]);
    const again = await begun(image, 'uploading', ['slow'], ['fast']);
    expect(await shown(image)).toEqual(['importing', undefined, 'fast,slow', '', true]);
    await objects.imports.settle(again, { live: [again.written['slow']!], ends: true, size: 5 });
    expect(await shown(image)).toEqual(['active', 'slow', '', '', false]);
  });

  it('of which every store fails makes the image wait for an upload, where the staged data is dropped', async () => {
    const image = await uploaded('uploading');
    const run = await begun(image, 'uploading', ['slow']);
    await objects.imports.settle(run, { failed: ['slow'], ends: true, dropsStaged: true, size: 5 });
    expect(await shown(image)).toEqual(['queued', undefined, '', 'slow', false]);
    expect([(await imageOf(image)).size, await objects.imports.staged(image), await usage()]).toEqual([
      ...[null, undefined, 0],
    ]);
    const upload = { image, id: randomUUID(), store: 'fast' };
    await objects.begin(upload, 'saving', { ...UNLIMITED, bytes: 5, least: 5 });
    expect(await objects.activate(upload, DATA)).toBe(true);
  });

  it('makes the image active with its first store, and notes those that fail', async () => {
    const image = await uploaded('uploading');
    const run = await begun(image, 'uploading', ['slow', 'far']);
    await objects.imports.settle(run, { live: [run.written['slow']!], size: 5 });
    expect(await shown(image)).toEqual(['active', 'slow', 'far', '', true]);
    await objects.imports.settle(run, { failed: ['far'], ends: true, size: 5 });
    expect(await shown(image)).toEqual(['active', 'slow', '', 'far', false]);
    expect([await placesOf(image), await usage()]).toEqual([[1], 5]);
  });
});

describe('a copy of the data of an active image', () => {
  it('leaves it active and its time of change as it was', async () => {
    const image = await uploaded('saving');
    const { updatedAt } = await imageOf(image);
    const run = await begun(image, 'active', ['slow']);
    expect(await shown(image)).toEqual(['active', 'fast', 'slow', '', true]);
    await objects.imports.settle(run, { live: [run.written['slow']!], ends: true, size: 5 });
    expect(await shown(image)).toEqual(['active', 'fast,slow', '', '', false]);
    expect([(await imageOf(image)).updatedAt, await usage()]).toEqual([updatedAt, 10]);
  });

  it('is the only one of its image, and goes to no store that has the data', async () => {
    const image = await uploaded('saving');
    const to = (store: string): Promise<unknown> =>
      objects.imports.begin(
        {
          ...{ image, id: randomUUID(), status: 'active', stores: [store] },
          ...{ objects: [{ id: randomUUID(), store, bytes: 5 }], ...REQUESTED },
        },
        undefined,
      );
    expect(await to('fast')).toBeUndefined();
    const results = await Promise.all(['slow', 'far', 'slow', 'far'].map(to));
    expect(results.filter((result) => result !== undefined)).toHaveLength(1);
  });

  it('is within the quota of the project, which counts each store', async () => {
    const image = await uploaded('saving');
    const begin = (quota: number): Promise<unknown> => {
      const written = ['slow', 'far'].map((store) => ({ id: randomUUID(), store, bytes: 5 }));
      const stores = ['slow', 'far'];
      return objects.imports.begin(
        { image, id: randomUUID(), status: 'active', stores, objects: written, ...REQUESTED },
        quota,
      );
    };
    expect(await begin(14)).toEqual({ begun: false, remaining: 9 });
    expect([await shown(image), await usage()]).toEqual([['active', 'fast', undefined, undefined, false], 5]);
    expect(await begin(15)).toMatchObject({ begun: true });
    expect(await usage()).toBe(15);
  });

  it('of an image that is deleted meanwhile is not to be written any more', async () => {
    const image = await uploaded('saving');
    const run = await begun(image, 'active', ['slow']);
    expect(await objects.imports.beat(run)).toBe(true);
    await catalogue.writer.delete(image);
    expect(await objects.imports.beat(run)).toBe(false);
    expect(await objects.imports.settle(run, { live: [run.written['slow']!], ends: true, size: 5 })).toBe(
      false,
    );
    expect([await objects.stateOf(run.written['slow']!), await usage()]).toEqual(['doomed', 0]);
  });
});

describe('what is known of an import', () => {
  /** The imports of an image without their times, which are compared apart. */
  async function known(image: string): Promise<object[]> {
    return (await objects.imports.ofImage(image)).map(({ begunAt, endedAt, expiresAt, ...rest }) => {
      const at = (time: string): number => Date.parse(`${time}Z`);
      expect(Math.abs(Date.now() - at(begunAt))).toBeLessThan(60_000);
      if (endedAt !== null) {
        expect([at(endedAt) >= at(begunAt), at(expiresAt!) - at(endedAt)]).toEqual([true, 48 * 3_600_000]);
      }
      return { ...rest, ended: endedAt !== null };
    });
  }

  it('is what it is for, and whether it has ended', async () => {
    const image = await uploaded('saving');
    expect(await known(image)).toEqual([]);
    const first = await begun(image, 'active', ['slow', 'far']);
    const running = {
      ...{ ...REQUESTER, id: first.id, stores: ['slow', 'far'], bytes: 5, failure: null, ended: false },
    };
    expect(await known(image)).toEqual([running]);
    await objects.imports.settle(first, { live: [first.written['slow']!], size: 5 });
    expect(await known(image)).toEqual([running]);
    await objects.imports.settle(first, { failed: ['far'], ends: true, failure: 'why', size: 5 });
    const second = await begun(image, 'active', ['far']);
    await objects.imports.settle(second, { live: [second.written['far']!], ends: true, size: 5 });
    await objects.imports.settle(second, { ends: true, failure: 'again', size: 5 });
    expect(await known(image)).toEqual([
      { ...running, failure: 'why', ended: true },
      { ...running, id: second.id, stores: ['far'], ended: true },
    ]);
  });

  it('includes one that is complete at once, with the bytes of the staged data', async () => {
    const image = await uploaded('uploading');
    const id = randomUUID();
    const store = { name: 'fast', hasName: true };
    expect(await objects.imports.importStaged({ image, id }, store, REQUESTER)).toBe(true);
    expect(await objects.imports.importStaged({ image, id: randomUUID() }, store, REQUESTER)).toBe(false);
    expect(await known(image)).toEqual([
      { ...REQUESTER, id, stores: ['fast'], bytes: 5, failure: null, ended: true },
    ]);
  });

  it('is none of an import that the quota refuses', async () => {
    const image = await uploaded('saving');
    const copy = { id: randomUUID(), store: 'slow', bytes: 5 };
    const begin = { image, id: randomUUID(), status: 'active' as const, stores: ['slow'], objects: [copy] };
    expect(await objects.imports.begin({ ...begin, ...REQUESTED }, 9)).toMatchObject({ begun: false });
    expect(await known(image)).toEqual([]);
  });

  it('is forgotten two days after its end, by a sweep that leaves the others', async () => {
    const image = await uploaded('saving');
    const old = await begun(image, 'active', ['slow']);
    await objects.imports.settle(old, { live: [old.written['slow']!], ends: true, size: 5 });
    await database.pool.query(
      "UPDATE image_imports SET ended_at = ended_at - interval '48 hours' WHERE id = $1",
      [old.id],
    );
    expect(await known(image)).toEqual([]);
    const { id } = await begun(image, 'active', ['far']);
    await objects.imports.sweep();
    const { rows } = await database.pool.query('SELECT id, ended_at FROM image_imports WHERE image_id = $1', [
      image,
    ]);
    expect(rows).toEqual([{ id, ended_at: null }]);
  });

  it('says that it was interrupted, once its image does not wait for it any more', async () => {
    const image = await uploaded('saving');
    const { id } = await begun(image, 'active', ['slow']);
    await database.pool.query('UPDATE images SET upload = NULL WHERE id = $1', [image]);
    await objects.imports.sweep();
    expect(await known(image)).toMatchObject([{ id, failure: 'The import was interrupted.', ended: true }]);
  });
});

describe('the data of an image', () => {
  it('is deleted from a store, but never from the last one, however many try at once', async () => {
    const image = await uploaded('saving');
    const run = await begun(image, 'active', ['slow', 'far']);
    const live = Object.values(run.written);
    await objects.imports.settle(run, { live, ends: true, size: 5 });
    expect(await objects.imports.deleteFromStore(image, 'none')).toBe(false);
    const deleted = await Promise.all(STORES.map((store) => objects.imports.deleteFromStore(image, store)));
    expect(deleted.filter(Boolean)).toHaveLength(2);
    const [place, ...others] = await placesOf(image);
    expect([others, await usage()]).toEqual([[], 5]);
    expect((await imageOf(image)).locations?.stores).toBe(STORES[place!]);
  });

  it('from when stores had no names is that of the first store, whose name it gets', async () => {
    const image = await uploaded('saving');
    const version = async (): Promise<bigint> => (await imageOf(image)).version;
    await database.pool.query('UPDATE image_objects SET store = NULL WHERE image_id = $1', [image]);
    await database.pool.query('UPDATE images SET locations = NULL WHERE id = $1', [image]);
    const before = await version();
    expect([await placesOf(image), (await objects.live(image))[0]?.place]).toEqual([[0], 0]);
    expect(await objects.hasObjects('fast')).toBe(true);
    await objects.nameStores();
    expect([await shown(image), await placesOf(image)]).toEqual([
      ['active', 'fast', undefined, undefined, false],
      [0],
    ]);
    const named = await version();
    await objects.nameStores();
    expect([named > before, await version()]).toEqual([true, named]);
    expect((await objects.live(image, ['slow']))[0]).toMatchObject({ size: 5, place: undefined });
  });
});

describe('imports, deletions from stores and dead writers at once', () => {
  it('leave each image with the stores that its document names, and the usage that its objects have', async () => {
    const images = await Promise.all(Array.from({ length: 6 }, () => uploaded('saving')));
    const some = <T>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]!;
    const copy = async (): Promise<void> => {
      const [image, id, store] = [some(images), randomUUID(), some(STORES)];
      const object = { id: randomUUID(), store, bytes: 5 };
      const begin = {
        image,
        id,
        status: 'active' as const,
        stores: [store],
        objects: [object],
        ...REQUESTED,
      };
      if (!(await objects.imports.begin(begin, 1_000))?.begun) return;
      if (Math.random() < 0.2) return;
      await objects.imports.beat({ image, id });
      const step = Math.random() < 0.8 ? { live: [object.id] } : { failed: [store] };
      await objects.imports.settle({ image, id }, { ...step, ends: true, size: 5 });
    };
    const giveUp = async (): Promise<void> => {
      for (const { image, importId } of await objects.writing()) {
        if (importId) await objects.imports.settle({ image, id: importId }, { ends: true, size: 0 });
      }
    };
    const steps = [
      ...[copy, copy, copy, giveUp],
      () => objects.imports.deleteFromStore(some(images), some(STORES)),
      () => objects.nameStores(),
    ];
    const client = async (): Promise<void> => {
      for (let step = 0; step < 25; step++) await some(steps)();
    };
    await Promise.all(Array.from({ length: 8 }, client));
    await giveUp();
    let copies = 0;
    for (const image of images) {
      const live = (await placesOf(image)).map((place) => STORES[place!]).sort();
      expect((await shown(image)).slice(0, 2)).toEqual(['active', live.join()]);
      expect(live.length).toBeGreaterThan(0);
      copies += live.length;
    }
    expect(await usage()).toBe(5 * copies);
  });
});
