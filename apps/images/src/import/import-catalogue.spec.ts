import { migrate, openDatabase, type Database } from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { importCatalogue, type ImportCounts } from './import-catalogue.js';

let embedded: TemporaryDatabase;
let database: Database;

beforeAll(async () => {
  embedded = await openTemporary();
  await migrate(embedded.url);
  database = openDatabase({ url: embedded.url, poolSize: 2 });
}, 60_000);

afterAll(async () => {
  await database?.close();
  await embedded?.close();
}, 60_000);

beforeEach(async () => {
  await database.pool.query('TRUNCATE images, members, mirrored');
});

async function* chunksOf(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

const NOTHING: ImportCounts = { images: 0, added: 0, changed: 0, unchanged: 0, members: 0, bad: 0 };

/** Imports a value as JSON, or a text as it is; returns the counts and the bad documents. */
async function imported(
  input: unknown,
  force = false,
): Promise<{ counts: ImportCounts; bad: string[]; progress: ImportCounts[] }> {
  const bad: string[] = [];
  const progress: ImportCounts[] = [];
  const counts = await importCatalogue(
    database.pool,
    chunksOf(typeof input === 'string' ? input : JSON.stringify(input)),
    { force, onBad: (message) => bad.push(message), onProgress: (counts) => progress.push(counts) },
  );
  return { counts, bad, progress };
}

async function rows<Row extends object>(query: string): Promise<Row[]> {
  return (await database.pool.query<Row>(query)).rows;
}

const idOf = (index: number): string => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;

const imageOf = (index: number, rest: object = {}): object => ({
  id: idOf(index),
  name: `image ${index}`,
  status: 'active',
  owner: null,
  created_at: '2026-11-24T02:28:35Z',
  updated_at: '2026-11-24T02:28:35Z',
  ...rest,
});

describe('importCatalogue', () => {
  it('imports what Glance has, and leaves it alone the second time', async () => {
    const list = {
      images: [
        imageOf(1, { architecture: 'x86_64', os_distro: null, tags: ['x'], self: `/v2/images/${idOf(1)}` }),
        imageOf(2, { owner: 'p', size: 7, visibility: 'private', os_hidden: true, min_ram: 512 }),
      ],
      members: { [idOf(1)]: [{ member_id: 'q', status: 'accepted' }] },
    };
    const first = await imported(list);
    expect(first).toMatchObject({ counts: { ...NOTHING, images: 2, added: 2, members: 1 }, bad: [] });
    const before = await rows<{ version: string }>('SELECT * FROM images ORDER BY id');
    expect(before).toMatchObject([
      { id: idOf(1), properties: { architecture: 'x86_64' }, visibility: 'shared', owner: null, size: null },
      {
        id: idOf(2),
        properties: {},
        visibility: 'private',
        owner: 'p',
        size: '7',
        hidden: true,
        min_ram: 512,
      },
    ]);
    const second = await imported(list);
    expect(second).toMatchObject({ counts: { ...NOTHING, images: 2, unchanged: 2, members: 1 }, bad: [] });
    expect(await rows('SELECT * FROM images ORDER BY id')).toEqual(before);
  });

  it.each([
    ['a single document', imageOf(1)],
    ['an array', [imageOf(1)]],
    ['a list', { images: [imageOf(1)] }],
  ])('imports %s', async (_, input) => {
    expect(await imported(input)).toMatchObject({ counts: { ...NOTHING, images: 1, added: 1 }, bad: [] });
    expect(await rows('SELECT id, name FROM images')).toEqual([{ id: idOf(1), name: 'image 1' }]);
  });

  it('reports bad documents by their position, and imports the others', async () => {
    const documents = [
      imageOf(1),
      imageOf(2, { status: 'lost' }),
      7,
      imageOf(4, { name: 'a\0b' }),
      imageOf(5),
    ];
    const { counts, bad } = await imported({ images: documents });
    expect(counts).toEqual({ ...NOTHING, images: 2, added: 2, bad: 3 });
    expect(bad).toEqual([
      expect.stringMatching(/^image 2: status is "lost"; it must be one of/),
      'image 3: the document is 7; it must be an object',
      expect.stringMatching(/^image 4: name is "a\\u0000b"; it must be text without/),
    ]);
  });

  it('imports what an unreadable input holds before it breaks', async () => {
    const text = JSON.stringify({
      members: { [idOf(1)]: [{ member_id: 'p', status: 'pending' }] },
      images: [imageOf(1)],
    });
    const { counts, bad } = await imported(text.slice(0, -2));
    expect(counts).toEqual({ ...NOTHING, images: 1, added: 1, members: 1, bad: 1 });
    expect(bad).toEqual([
      `the input is unreadable: byte ${text.length - 2}: expected "," or "]", but the input ends`,
    ]);
  });

  it('skips documents older than the catalogue, unless forced', async () => {
    await imported([imageOf(1, { updated_at: '2026-11-25T00:00:00Z' })]);
    const older = [imageOf(1, { name: 'older' })];
    expect((await imported(older)).counts).toEqual({ ...NOTHING, images: 1, unchanged: 1 });
    expect((await imported(older, true)).counts).toEqual({ ...NOTHING, images: 1, changed: 1 });
    expect(await rows('SELECT name FROM images')).toEqual([{ name: 'older' }]);
  });

  it('lets the later of two documents of an image win, if it is not older', async () => {
    const { counts } = await imported([imageOf(1), imageOf(1, { name: 'again' })]);
    expect(counts).toEqual({ ...NOTHING, images: 2, added: 1, changed: 1 });
    expect(await rows('SELECT name FROM images')).toEqual([{ name: 'again' }]);
  });

  it('keeps an image that its source has deleted, as deleted', async () => {
    await imported([imageOf(1, { status: 'deleted' }), imageOf(2)]);
    expect(await rows('SELECT id, deleted_at FROM images ORDER BY id')).toEqual([
      { id: idOf(1), deleted_at: new Date('2026-11-24T02:28:35Z') },
      { id: idOf(2), deleted_at: null },
    ]);
  });

  it.each([false, true])('gives images their members, whether those come first: %j', async (first) => {
    const images = [imageOf(1), imageOf(2)];
    const members = {
      [idOf(1).toUpperCase()]: [
        { member_id: 'p', image_id: idOf(1), status: 'accepted' },
        { member_id: 'q', status: 'pending' },
      ],
      [idOf(2)]: [],
      [idOf(3)]: [{ member_id: 'p', status: 'pending' }],
      nonsense: [],
    };
    const { counts, bad } = await imported(first ? { members, images } : { images, members });
    expect(counts).toEqual({ ...NOTHING, images: 2, added: 2, members: 2, bad: 2 });
    expect(bad.sort()).toEqual([
      `members of ${idOf(3)}: the catalogue has no such image`,
      'members of nonsense: the image id is "nonsense"; it must be a UUID',
    ]);
    expect(await rows('SELECT image_id, member, status FROM members ORDER BY member')).toEqual([
      { image_id: idOf(1), member: 'p', status: 'accepted' },
      { image_id: idOf(1), member: 'q', status: 'pending' },
    ]);
  });

  it('imports members alone, in the place of those that an image had', async () => {
    await imported({ images: [imageOf(1)], members: { [idOf(1)]: [{ member_id: 'p', status: 'pending' }] } });
    await imported({ members: { [idOf(1)]: [{ member_id: 'q', status: 'accepted' }] } });
    expect(await rows('SELECT member, status FROM members')).toEqual([{ member: 'q', status: 'accepted' }]);
  });

  it('imports more rows than fit into one statement, and reports its progress', async () => {
    const images = Array.from({ length: 1_200 }, (_, index) => imageOf(index));
    const members = Object.fromEntries(
      images.map((_, index) => [idOf(index), [{ member_id: 'p', status: 'pending' }]]),
    );
    const { counts, progress } = await imported({ images, members });
    expect(counts).toEqual({ ...NOTHING, images: 1_200, added: 1_200, members: 1_200 });
    expect(progress.map(({ images, members }) => [images, members])).toEqual([
      [500, 0],
      [1_000, 0],
      [1_200, 0],
      [1_200, 500],
      [1_200, 1_000],
      [1_200, 1_200],
    ]);
  });

  it('loses no good image to one that PostgreSQL refuses', async () => {
    await database.pool.query(`ALTER TABLE images ADD CONSTRAINT test CHECK (name <> 'refused')`);
    try {
      const { counts, bad } = await imported([imageOf(1), imageOf(2, { name: 'refused' }), imageOf(3)]);
      expect(counts).toEqual({ ...NOTHING, images: 2, added: 2, bad: 1 });
      expect(bad).toEqual([expect.stringMatching(/^image 2: .*violates check constraint/)]);
    } finally {
      await database.pool.query('ALTER TABLE images DROP CONSTRAINT test');
    }
  });

  it('fails when the connection is lost, and blames no document', async () => {
    async function* interrupted(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('[');
      await database.pool.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = $1',
        ['glimpse'],
      );
      yield Buffer.from(`${JSON.stringify(imageOf(1))}]`);
    }
    const bad: string[] = [];
    const run = importCatalogue(database.pool, interrupted(), {
      force: false,
      onBad: (message) => bad.push(message),
      onProgress: () => undefined,
    });
    await expect(run).rejects.toThrow();
    expect(bad).toEqual([]);
    expect((await imported([imageOf(1)])).counts).toEqual({ ...NOTHING, images: 1, added: 1 });
  });

  it('fails when the statement is at fault, and blames no document', async () => {
    await database.pool.query('ALTER TABLE images RENAME COLUMN hidden TO concealed');
    try {
      await expect(imported([imageOf(1)])).rejects.toThrow(/hidden/);
    } finally {
      await database.pool.query('ALTER TABLE images RENAME COLUMN concealed TO hidden');
    }
  });
});
