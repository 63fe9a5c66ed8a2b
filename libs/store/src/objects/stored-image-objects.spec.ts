import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { ImageNotFound, type Catalogue } from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from '../connection/database.js';
import { migrate } from '../migrations/migrate.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { StoredImageObjects, type Upload } from './stored-image-objects.js';

const DATA = { size: 5, checksum: 'md5', hash: 'sha512', virtualSize: null };
const UNLIMITED = { bytes: 0, least: 0, quota: undefined };
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

const begin = async (upload: Upload, status: 'saving' | 'uploading' = 'saving'): Promise<boolean> =>
  (await objects.begin(upload, status, UNLIMITED)) !== undefined;

async function begun(status: 'saving' | 'uploading' = 'saving'): Promise<Upload> {
  const upload = { image: await create(), id: randomUUID() };
  expect(await begin(upload, status)).toBe(true);
  return upload;
}

const importStaged = (image: string): Promise<boolean> =>
  objects.imports.importStaged(
    { image, id: randomUUID() },
    { name: 'file', hasName: false },
    { project: 'p', userId: 'u', requestId: 'req-1', request: {} },
  );

async function count(condition: string): Promise<number> {
  const { rows } = await database.pool.query<{ count: string }>(`SELECT count(*) FROM ${condition}`);
  return Number(rows[0]!.count);
}

describe('an upload', () => {
  it('is the only one of its image, which is active once it is complete', async () => {
    const upload = await begun();
    expect(await begin({ ...upload, id: randomUUID() })).toBe(false);
    expect(await objects.activate({ ...upload, id: randomUUID() }, DATA)).toBe(false);
    expect(await objects.activate(upload, DATA)).toBe(true);
    expect(await objects.giveUp(upload)).toBe(false);
    expect([await statusOf(upload.image), await objects.stateOf(upload.id)]).toEqual(['active', 'live']);
    expect(await objects.live(upload.image)).toEqual([{ id: upload.id, size: 5, place: 0 }]);
  });

  it('that is given up leaves the image to the next one', async () => {
    const upload = await begun();
    expect(await objects.giveUp(upload)).toBe(true);
    expect([await objects.beat(upload.id), await objects.activate(upload, DATA)]).toEqual([false, false]);
    expect(await statusOf(upload.image)).toBe('queued');
    expect(await begin({ ...upload, id: randomUUID() })).toBe(true);
  });

  it('of an image that is deleted meanwhile is not to be written any more', async () => {
    const upload = await begun();
    await catalogue.writer.delete(upload.image);
    expect([await objects.beat(upload.id), await objects.activate(upload, DATA)]).toEqual([false, false]);
    expect(await objects.stateOf(upload.id)).toBe('doomed');
  });

  it('that is staged is imported once', async () => {
    const upload = await begun('uploading');
    expect(await importStaged(upload.image)).toBe(false);
    expect(await objects.stage(upload, DATA)).toBe(true);
    expect(await objects.giveUp(upload)).toBe(false);
    const imports = Array.from({ length: 5 }, () => importStaged(upload.image));
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

describe('the quota of a project', () => {
  const QUOTA = 1_000_000;
  let project: string;
  beforeEach(() => {
    project = randomUUID();
  });

  const createOf = async (owner: string | null): Promise<string> =>
    (await catalogue.editor!.create({ ...IMAGE, owner })).id;
  const reservation = (bytes: number, least = bytes) => ({ bytes, least, quota: QUOTA });
  const usage = async (of = project): Promise<number> => {
    const query = 'SELECT bytes FROM project_usage WHERE project = $1';
    const { rows } = await database.pool.query<{ bytes: string }>(query, [of]);
    return Number(rows[0]?.bytes ?? 0);
  };

  it('ends 400 writers at once at the limit exactly, and each byte is given back', async () => {
    const images = await Promise.all(Array.from({ length: 400 }, () => createOf(project)));
    const begun: Upload[] = [];
    let refused = 0;
    async function write(image: string, at: number): Promise<void> {
      const upload = { image, id: randomUUID() };
      // One half knows its length, the other reserves as it receives.
      const wanted = at % 2 === 0 ? reservation(5_000) : reservation(3_000, 1);
      const reserved = await objects.begin(upload, 'saving', wanted);
      if (reserved!.bytes === null) return void refused++;
      begun.push(upload);
      if (at % 2 === 1) await objects.reserve(upload.id, 3_000, QUOTA);
    }
    await Promise.all(images.map(write));
    expect(await usage()).toBe(QUOTA);
    expect(refused).toBe(400 - begun.length);
    expect(refused).toBeGreaterThan(0);
    const waiting = images.filter((image) => !begun.some((upload) => upload.image === image));
    expect(await statusOf(waiting[0]!)).toBe('queued');

    await Promise.all(
      begun.map((upload, at) => {
        if (at % 3 === 0) return objects.activate(upload, DATA);
        return at % 3 === 1 ? objects.giveUp(upload) : catalogue.writer.delete(upload.image);
      }),
    );
    expect(await usage()).toBe(DATA.size * Math.ceil(begun.length / 3));
    await Promise.all(
      begun.filter((_, at) => at % 3 === 0).map(({ image }) => catalogue.writer.delete(image)),
    );
    expect(await usage()).toBe(0);
  }, 60_000);

  it('grants data of unknown length what is left, and then nothing', async () => {
    const upload = { image: await createOf(project), id: randomUUID() };
    expect(await objects.begin(upload, 'saving', reservation(600_000, 1))).toEqual({
      ...{ bytes: 600_000, remaining: QUOTA },
    });
    expect(await objects.reserve(upload.id, 600_000, QUOTA)).toEqual({ bytes: QUOTA, remaining: 400_000 });
    expect(await objects.reserve(upload.id, 600_000, QUOTA)).toEqual({ bytes: null, remaining: 0 });
    const next = { image: await createOf(project), id: randomUUID() };
    expect(await objects.begin(next, 'saving', reservation(0))).toEqual({ bytes: 0, remaining: 0 });
    await objects.giveUp(upload);
    expect(await objects.reserve(upload.id, 1, QUOTA)).toBeUndefined();
  });

  it('counts data for the owner of its image, also once that is another project', async () => {
    const [image, other] = [await createOf(project), randomUUID()];
    const upload = { image, id: randomUUID() };
    await objects.begin(upload, 'uploading', reservation(300));
    const before = await catalogue.current.imageToChange(image, SEE_ALL);
    await catalogue.editor!.edit(before, { owner: other });
    expect([await usage(), await usage(other)]).toEqual([0, 300]);
    await objects.stage(upload, DATA);
    expect(await usage(other)).toBe(DATA.size);
    await importStaged(image);
    expect(await usage(other)).toBe(DATA.size);
    const ownerless = await catalogue.current.imageToChange(image, SEE_ALL);
    await catalogue.editor!.edit(ownerless, { owner: null });
    expect(await usage(other)).toBe(0);
  });

  it('does not bind images without an owner', async () => {
    const upload = { image: await createOf(null), id: randomUUID() };
    const reserved = await objects.begin(upload, 'saving', reservation(2 * QUOTA));
    expect(reserved).toEqual({ bytes: 2 * QUOTA, remaining: null });
    expect(await objects.reserve(upload.id, 1, QUOTA)).toMatchObject({ bytes: 2 * QUOTA + 1 });
  });

  it('dooms the data of an image whose upload began while its deletion waited', async () => {
    const upload = { image: await createOf(project), id: randomUUID() };
    const deletion = await database.transaction(async (client) => {
      await client.query('SELECT FROM images WHERE id = $1 FOR UPDATE', [upload.image]);
      const begun = objects.begin(upload, 'saving', reservation(10));
      await waiting(1);
      // It waits behind the upload, and began before that did.
      const deletion = catalogue.writer.delete(upload.image);
      await waiting(2);
      return { begun, deletion };
    });
    expect(await deletion.begun).toMatchObject({ bytes: 10 });
    await deletion.deletion;
    expect([await objects.stateOf(upload.id), await usage()]).toEqual(['doomed', 0]);
  });

  const waiting = (count: number): Promise<void> =>
    until(async () => {
      const query =
        "SELECT count(*)::int FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
      const { rows } = await database.pool.query<{ count: number }>(query);
      return rows[0]!.count >= count;
    });
});

describe('uploads, deletions and dead writers at once', () => {
  it('leave each image whole or waiting, and no bytes without a row', async () => {
    await database.pool.query('TRUNCATE images, image_objects, project_usage CASCADE');
    const images = await Promise.all(Array.from({ length: 40 }, create));
    const some = (below: number): number => Math.floor(Math.random() * below);
    const dead: Upload[] = [];
    const bytes = new Set<string>();
    const counts = { activated: 0, refused: 0, dead: 0, deleted: 0 };
    const end = performance.now() + 3_000;
    const running = (): boolean => performance.now() < end;

    async function upload(): Promise<void> {
      const upload = { image: images[some(images.length)]!, id: randomUUID() };
      if (!(await begin(upload))) return;
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
    const { rows: usage } = await database.pool.query<{ bytes: string; sum: string }>(
      `SELECT usage.bytes, (SELECT coalesce(sum(bytes), 0) FROM image_objects WHERE project = usage.project) AS sum
       FROM project_usage AS usage`,
    );
    expect(usage.map(({ bytes }) => bytes)).toEqual(usage.map(({ sum }) => sum));
  }, 60_000);
});
