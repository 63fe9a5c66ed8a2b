import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageNotFound, type Catalogue } from '@glimpse/domain';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from '../connection/database.js';
import { migrate } from '../migrations/migrate.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { StoredImageObjects, type Upload } from './stored-image-objects.js';

const DATA = { size: 5, checksum: 'md5', hash: 'sha512', virtualSize: null };
const SEE_ALL = { project: null, admin: true };
const IMAGE = {
  ...({ name: null, visibility: 'private', owner: 'p', hidden: false, protected: false } as const),
  ...{ minDisk: 0, minRam: 0, diskFormat: 'raw', containerFormat: 'bare', tags: [], properties: {} },
};

let server: TemporaryDatabase;
let database: Database;
let catalogue: Catalogue;
let objects: StoredImageObjects;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 16 });
  catalogue = storedCatalogue(database);
  objects = new StoredImageObjects(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

const create = async (): Promise<string> => (await catalogue.editor!.create(IMAGE)).id;
const statusOf = async (id: string): Promise<string> =>
  (await catalogue.current.imageToChange(id, SEE_ALL)).status;

async function begun(status: 'saving' | 'uploading' = 'saving'): Promise<Upload> {
  const upload = { image: await create(), id: randomUUID() };
  expect(await objects.begin(upload, status)).toBe(true);
  return upload;
}

async function count(condition: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>(`SELECT count(*) FROM ${condition}`);
  return Number(rows[0]!.count);
}

describe('an upload', () => {
  it('is the only one of its image, which is active once it is complete', async () => {
    const upload = await begun();
    expect(await objects.begin({ ...upload, id: randomUUID() }, 'saving')).toBe(false);
    expect(await objects.activate({ ...upload, id: randomUUID() }, DATA)).toBe(false);
    expect(await objects.activate(upload, DATA)).toBe(true);
    expect(await objects.giveUp(upload)).toBe(false);
    expect([await statusOf(upload.image), await objects.stateOf(upload.id)]).toEqual(['active', 'live']);
    expect(await objects.live(upload.image)).toEqual({ id: upload.id, size: 5 });
  });

  it('that is given up leaves the image to the next one', async () => {
    const upload = await begun();
    expect(await objects.giveUp(upload)).toBe(true);
    expect([await objects.beat(upload.id), await objects.activate(upload, DATA)]).toEqual([false, false]);
    expect(await statusOf(upload.image)).toBe('queued');
    expect(await objects.begin({ ...upload, id: randomUUID() }, 'saving')).toBe(true);
  });

  it('of an image that is deleted meanwhile is not to be written any more', async () => {
    const upload = await begun();
    await catalogue.writer.delete(upload.image);
    expect([await objects.beat(upload.id), await objects.activate(upload, DATA)]).toEqual([false, false]);
    expect(await objects.stateOf(upload.id)).toBe('doomed');
  });

  it('that is staged is imported once', async () => {
    const upload = await begun('uploading');
    expect(await objects.importStaged(upload.image)).toBe(false);
    expect(await objects.stage(upload, DATA)).toBe(true);
    expect(await objects.giveUp(upload)).toBe(false);
    const imports = Array.from({ length: 5 }, () => objects.importStaged(upload.image));
    expect((await Promise.all(imports)).filter(Boolean)).toHaveLength(1);
    expect([await statusOf(upload.image), await objects.stateOf(upload.id)]).toEqual(['active', 'live']);
  });

  it('is doomed with its image, and its row stays for a second deletion of its bytes a day later', async () => {
    const upload = await begun();
    await objects.activate(upload, DATA);
    await catalogue.writer.delete(upload.image);
    expect(await objects.doomed()).toContain(upload.id);
    await objects.swept(upload.id);
    expect([await objects.stateOf(upload.id), await objects.doomed()]).toEqual([
      'doomed',
      expect.not.arrayContaining([upload.id]),
    ]);
    await database.pool.query(
      "UPDATE image_objects SET swept_at = swept_at - interval '25 hours' WHERE id = $1",
      [upload.id],
    );
    expect(await objects.doomed()).toContain(upload.id);
    await objects.swept(upload.id);
    expect(await objects.stateOf(upload.id)).toBeUndefined();
  });
});

describe('uploads, deletions and dead writers at once', () => {
  it('leave each image whole or waiting, and no bytes without a row', async () => {
    await database.pool.query('TRUNCATE images, image_objects CASCADE');
    const images = await Promise.all(Array.from({ length: 40 }, create));
    const some = (below: number): number => Math.floor(Math.random() * below);
    const dead: Upload[] = [];
    const bytes = new Set<string>();
    const counts = { activated: 0, refused: 0, dead: 0, deleted: 0 };
    const end = performance.now() + 3_000;
    const running = (): boolean => performance.now() < end;

    async function upload(): Promise<void> {
      const upload = { image: images[some(images.length)]!, id: randomUUID() };
      if (!(await objects.begin(upload, 'saving'))) return;
      bytes.add(upload.id);
      await sleep(some(4));
      const fate = some(10);
      // The first dies; the second is slow, and is given up by the sweeper before it ends.
      if (fate < 2) dead.push(upload);
      if (fate === 0) return void counts.dead++;
      if (fate === 1) await sleep(some(8));
      if (fate !== 2 && (await objects.activate(upload, DATA))) return void counts.activated++;
      counts.refused++;
      await objects.giveUp(upload);
    }

    async function replace(): Promise<void> {
      const at = some(images.length);
      try {
        await catalogue.writer.delete(images[at]!);
        counts.deleted++;
      } catch (error) {
        if (!(error instanceof ImageNotFound)) throw error;
      }
      images[at] = await create();
    }

    async function sweep(): Promise<void> {
      for (const upload of dead.splice(0)) await objects.giveUp(upload);
      for (const id of await objects.doomed()) {
        bytes.delete(id);
        await objects.swept(id);
      }
      await sleep(5);
    }

    const repeated = async (act: () => Promise<void>): Promise<void> => {
      while (running()) await act();
    };
    await Promise.all([
      ...Array.from({ length: 10 }, () => repeated(upload)),
      ...Array.from({ length: 2 }, () => repeated(replace)),
      repeated(sweep),
    ]);
    for (const upload of await objects.writing()) await objects.giveUp(upload);
    while ((await objects.doomed()).length > 0) await sweep();
    // A writer that was asleep may have begun to write after the first deletion.
    await database.pool.query("UPDATE image_objects SET swept_at = swept_at - interval '25 hours'");
    while ((await objects.doomed()).length > 0) await sweep();

    expect(Math.min(...Object.values(counts))).toBeGreaterThan(0);
    const live = (image: string): string =>
      `(SELECT count(*) FROM image_objects WHERE image_id = ${image} AND state = 'live')`;
    expect(await count(`images WHERE status = 'active' AND ${live('images.id')} <> 1`)).toBe(0);
    expect(await count(`images WHERE status <> 'active' AND ${live('images.id')} <> 0`)).toBe(0);
    expect(await count(`images WHERE status NOT IN ('active', 'queued', 'deleted')`)).toBe(0);
    expect(await count(`image_objects WHERE state <> 'live'`)).toBe(0);
    const { rows } = await database.pool.query<{ id: string; state: string }>(
      'SELECT id, state FROM image_objects',
    );
    const liveIds = rows.filter(({ state }) => state === 'live').map(({ id }) => id);
    expect([...bytes].sort()).toEqual(liveIds.sort());
  }, 60_000);
});
