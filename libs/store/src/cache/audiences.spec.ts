import { randomUUID } from 'node:crypto';
import {
  listAudienceOf,
  type ListAudience,
  type ListScope,
  type Viewer,
  type Visibility,
} from '@glimpse/domain';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import pg from 'pg';
import { openDatabase, type Database } from '../connection/database.js';
import { StoredImageWriter } from '../images/stored-image-writer.js';
import { StoredImageLister } from '../lists/stored-image-lister.js';
import { migrate } from '../migrations/migrate.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { AudienceGenerations, audienceName, basisOf, namesOf } from './audience-generations.js';

const IS_LONG = Boolean(process.env['GLIMPSE_LONG']);

let server: TemporaryDatabase;
let database: Database;
let listener: pg.Client;
let received: string[];
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  listener = new pg.Client({ connectionString: server.url });
  await listener.connect();
  await listener.query('TRUNCATE images CASCADE; LISTEN glimpse_audiences');
  received = [];
  listener.on('notification', ({ payload = '' }) => received.push(payload));
});
afterEach(() => listener.end());

const query = (text: string, values?: unknown[]): Promise<pg.QueryResult> =>
  database.pool.query(text, values);

/** The payloads that are sent while something happens. */
async function notifiedBy(happens: () => Promise<unknown>): Promise<string[]> {
  // A response comes after all notifications before it.
  await listener.query('SELECT');
  received = [];
  await happens();
  await listener.query('SELECT');
  return received;
}

/** A payload that names these projects. */
const named = (...projects: string[]): string => projects.map(audienceName).sort().join(',');

const insert = (visibility: Visibility, owner: string | null, id: string = randomUUID()): Promise<unknown> =>
  query(
    `INSERT INTO images (id, name, status, visibility, owner, created_at) VALUES ($1, 'new', 'active', $2, $3, now())`,
    [id, visibility, owner],
  );
const share = (id: string, ...members: string[]): Promise<unknown> =>
  query(`INSERT INTO members (image_id, member) SELECT $1, unnest($2::text[])`, [id, members]);

describe('the audience of a change', () => {
  const id = randomUUID();

  it.each(['public', 'community'] as const)('of a new %s image is everyone', async (visibility) => {
    expect(await notifiedBy(() => insert(visibility, 'one'))).toEqual(['*']);
  });

  it('of a new private image is its owner, and of one without an owner everyone', async () => {
    expect(await notifiedBy(() => insert('private', 'ü, and a comma'))).toEqual([named('ü, and a comma')]);
    expect(await notifiedBy(() => insert('private', null))).toEqual(['*']);
  });

  it('of a shared image is its owner and its members, before and after', async () => {
    await insert('shared', 'one', id);
    expect(await notifiedBy(() => share(id, 'two', 'three'))).toEqual([named('two', 'three')]);
    const rename = (): Promise<unknown> => query(`UPDATE images SET name = 'renamed' WHERE id = $1`, [id]);
    expect(await notifiedBy(rename)).toEqual([named('one', 'two', 'three')]);
    const move = (): Promise<unknown> =>
      query(`UPDATE images SET owner = 'four', visibility = 'private' WHERE id = $1`, [id]);
    expect(await notifiedBy(move)).toEqual([named('one', 'two', 'three', 'four')]);
    expect(await notifiedBy(rename)).toEqual([named('four')]);
    const accept = (): Promise<unknown> =>
      query(`UPDATE members SET status = 'accepted' WHERE member = 'two'`);
    expect(await notifiedBy(accept)).toEqual([named('two')]);
    expect(await notifiedBy(() => query(`DELETE FROM members WHERE member = 'two'`))).toEqual([named('two')]);
  });

  it('of an image that is shared with more than twenty projects is everyone', async () => {
    await insert('shared', 'one', id);
    const projects = Array.from({ length: 20 }, (_, index) => `member ${index}`);
    await share(id, ...projects);
    const rename = (): Promise<unknown> => query(`UPDATE images SET name = name || '.'`);
    expect(await notifiedBy(rename)).toEqual([named('one', ...projects)]);
    expect(await notifiedBy(() => share(id, 'another'))).toEqual([named('another')]);
    expect(await notifiedBy(rename)).toEqual(['*']);
  });

  it('of a statement that changes nothing is none', async () => {
    const changes = [
      `UPDATE images SET name = 'renamed' WHERE false`,
      `DELETE FROM images`,
      `DELETE FROM members`,
      `INSERT INTO images (id, status, visibility, created_at) SELECT gen_random_uuid(), '', '', now() WHERE false`,
      `BEGIN; INSERT INTO images (id, status, visibility, created_at) VALUES (gen_random_uuid(), '', '', now()); ROLLBACK`,
    ];
    for (const change of changes) expect(await notifiedBy(() => query(change))).toEqual([]);
  });

  it('of a large statement is everyone, in one notification of one character', async () => {
    const many = (count: number, owner: string): Promise<unknown> =>
      query(
        `INSERT INTO images (id, status, visibility, owner, created_at)
         SELECT gen_random_uuid(), 'active', 'private', ${owner}, now() FROM generate_series(1, $1) AS number`,
        [count],
      );
    const notified = await notifiedBy(() => many(100, `'project ' || number`));
    expect(notified[0]!.split(',')).toHaveLength(100);
    expect(notified).toHaveLength(1);
    expect(await notifiedBy(() => many(101, `'project ' || number`))).toEqual(['*']);
    expect(await notifiedBy(() => many(1_000, `'one'`))).toEqual([named('one')]);
    expect(await notifiedBy(() => many(1_001, `'one'`))).toEqual(['*']);
    expect(await notifiedBy(() => query(`UPDATE images SET name = 'renamed'`))).toEqual(['*']);
    expect(await notifiedBy(() => query('DELETE FROM images'))).toEqual(['*']);
  });

  it('of what is purged, and of emptied tables, is everyone', async () => {
    await insert('shared', 'one', id);
    await share(id, 'two', 'three');
    expect(await notifiedBy(() => query('DELETE FROM images'))).toEqual(['*']);
    expect(await notifiedBy(() => query('TRUNCATE members'))).toEqual(['*']);
    expect(await notifiedBy(() => query('TRUNCATE images CASCADE'))).toEqual(['*']);
  });

  it('is notified whatever the search path and the isolation of the session', async () => {
    await insert('private', 'one', id);
    const rename = `UPDATE public.images SET name = name || '.'`;
    const notified = await notifiedBy(() => query(`BEGIN; SET LOCAL search_path = ''; ${rename}; COMMIT`));
    expect(notified).toEqual([named('one')]);
    const isolated = `BEGIN ISOLATION LEVEL REPEATABLE READ; ${rename}; COMMIT`;
    expect(await notifiedBy(() => query(isolated))).toEqual(['*']);
  });

  it('has a member that is added while the image is changed, whichever comes first', async () => {
    await insert('shared', 'one', id);
    const other = await database.pool.connect();
    try {
      await other.query('BEGIN');
      await other.query(`UPDATE images SET name = 'first' WHERE id = $1`, [id]);
      let added = false;
      const adding = share(id, 'two').then(() => (added = true));
      // The member waits for the change, and so does what it notifies.
      await waitsForALock();
      expect(added).toBe(false);
      const both = async (): Promise<void> => void (await other.query('COMMIT'), await adding);
      expect(await notifiedBy(both)).toEqual([named('one'), named('two')]);
      await other.query('BEGIN');
      await other.query(`INSERT INTO members (image_id, member) VALUES ($1, 'three')`, [id]);
      const changing = query(`UPDATE images SET name = 'second' WHERE id = $1`, [id]);
      await waitsForALock();
      expect(await notifiedBy(async () => void (await other.query('COMMIT'), await changing))).toEqual([
        named('three'),
        named('one', 'two', 'three'),
      ]);
    } finally {
      other.release(true);
    }
  });

  /** Waits until a statement waits for a lock. */
  async function waitsForALock(): Promise<void> {
    const waiting = `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    while ((await listener.query(waiting)).rowCount === 0);
  }

  it('of a change by this service is known to it without a notification', async () => {
    const audiences: ListAudience[] = [];
    const writer = new StoredImageWriter(database, {}, (_, audience) => audiences.push(audience!));
    await insert('shared', 'one', id);
    await share(id, 'two', 'three');
    const merge = { kind: 'merge', properties: { a: 'b' } } as const;
    await writer.change(id, { properties: merge });
    await writer.delete(id);
    const members = new Set(['two', 'three']);
    const expected = listAudienceOf({ visibility: 'shared', owner: 'one', members });
    expect(audiences).toHaveLength(2);
    for (const audience of audiences) expect(new Set(audience)).toEqual(new Set(expected));
    const publicId = randomUUID();
    await insert('public', 'one', publicId);
    await writer.delete(publicId);
    expect(audiences.at(-1)).toBe('everyone');
  });
});

const IDS = Array.from({ length: 5 }, () => randomUUID());
const PROJECTS = ['one', 'two', 'three', 'ü'];
const VIEWERS: Viewer[] = [
  ...PROJECTS.map((project) => ({ project, admin: false })),
  { project: null, admin: false },
  { project: 'one', admin: true },
];
const SCOPES: ListScope[] = [
  {},
  { visibility: 'all', memberStatus: 'all' },
  { visibility: 'all', memberStatus: 'all', hidden: true },
];

const ids = fc.constantFrom(...IDS);
const projects = fc.constantFrom(...PROJECTS);
const statement = (text: string, ...values: fc.Arbitrary<unknown>[]): fc.Arbitrary<[string, unknown[]]> =>
  fc.tuple(fc.constant(text), fc.tuple(...values));
/** A statement that changes images or members, with its values. */
const changes = fc.oneof(
  {
    weight: 4,
    arbitrary: statement(
      `INSERT INTO images (id, name, visibility, owner, hidden, deleted_at, status, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, 'active', '2026-01-01') ON CONFLICT (id) DO UPDATE
       SET name = EXCLUDED.name, visibility = EXCLUDED.visibility, owner = EXCLUDED.owner,
           hidden = EXCLUDED.hidden, deleted_at = EXCLUDED.deleted_at`,
      ids,
      fc.constantFrom('a', 'b'),
      fc.constantFrom('public', 'community', 'shared', 'shared', 'private'),
      fc.option(projects, { freq: 6 }),
      fc.boolean(),
      fc.option(fc.constant('2026-01-02'), { freq: 2 }),
    ),
  },
  {
    weight: 4,
    arbitrary: statement(
      `INSERT INTO members (image_id, member, status) SELECT id, $2, $3 FROM images WHERE id = $1
       ON CONFLICT (image_id, member) DO UPDATE SET status = EXCLUDED.status`,
      ids,
      projects,
      fc.constantFrom('pending', 'accepted', 'rejected'),
    ),
  },
  statement(
    `UPDATE members SET image_id = $1 WHERE (image_id, member) IN (
       SELECT image_id, member FROM members moved WHERE member = $2 AND EXISTS (SELECT FROM images WHERE id = $1)
         AND NOT EXISTS (SELECT FROM members WHERE image_id = $1 AND member = $2) LIMIT 1)`,
    ids,
    projects,
  ),
  statement(`UPDATE images SET name = 'c' WHERE visibility = $1`, fc.constantFrom('shared', 'private')),
  statement(`UPDATE images SET created_at = created_at + interval '1 day' WHERE id = $1`, ids),
  statement(`DELETE FROM members WHERE image_id = $1`, ids),
  statement(`DELETE FROM members WHERE member = $1`, projects),
  statement(`DELETE FROM images WHERE id = $1`, ids),
);

it('every viewer whose lists change is notified, and a private change does not notify others', async () => {
  const lister = new StoredImageLister(database);
  const listsOf = async (viewer: Viewer): Promise<string> => {
    const pages = SCOPES.map(async (scope) => {
      const { value } = await lister.images({ limit: 10, ...scope }, viewer);
      return value.images.map(({ id, name, visibility, owner, createdAt }) => [
        ...[id, name, visibility, owner, createdAt],
      ]);
    });
    // Whether an image is a marker for the viewer is seen in lists, too.
    const markers = IDS.map((marker) =>
      lister.images({ limit: 1, marker }, viewer).then(
        () => true,
        () => false,
      ),
    );
    return JSON.stringify(await Promise.all([...pages, ...markers]));
  };
  const allLists = (): Promise<string[]> => Promise.all(VIEWERS.map(listsOf));
  await fc.assert(
    fc.asyncProperty(fc.array(changes, { minLength: 5, maxLength: 25 }), async (made) => {
      await notifiedBy(() => query('TRUNCATE images CASCADE'));
      let before = await allLists();
      for (const [text, values] of made) {
        const generations = new AudienceGenerations();
        for (const payload of await notifiedBy(() => query(text, values))) {
          generations.raise(payload === '*' ? 'everyone' : payload.split(','));
        }
        const after = await allLists();
        VIEWERS.forEach((viewer, index) => {
          const isNotified = !generations.isPresent(0, basisOf(viewer));
          if (!isNotified) expect(after[index]).toBe(before[index]);
        });
        before = after;
      }
    }),
    { numRuns: IS_LONG ? 200 : 8 },
  );
}, 600_000);

describe('generations', () => {
  const present = (generations: AudienceGenerations, viewer: Viewer, since = 0): boolean =>
    generations.isPresent(since, basisOf(viewer));
  const one: Viewer = { project: 'one', admin: false };
  const two: Viewer = { project: 'two', admin: false };
  const none: Viewer = { project: null, admin: false };
  const admin: Viewer = { project: 'two', admin: true };

  it('rise for the projects that are named, and for administrators always', () => {
    const generations = new AudienceGenerations();
    generations.raise(namesOf(['one', 'three']));
    expect([one, two, none, admin].map((viewer) => present(generations, viewer))).toEqual([
      ...[false, true, true, false],
    ]);
    const since = generations.present;
    expect([one, two, none, admin].every((viewer) => present(generations, viewer, since))).toBe(true);
    generations.raise([]);
    expect([one, two, none, admin].map((viewer) => present(generations, viewer, since))).toEqual([
      ...[true, true, true, false],
    ]);
    generations.raise('everyone');
    expect([one, two, none, admin].some((viewer) => present(generations, viewer, since))).toBe(false);
  });

  it('do not grow with the number of projects', () => {
    const generations = new AudienceGenerations();
    generations.raise(namesOf(['one']));
    const since = generations.present;
    for (let project = 0; project < 9_999; project++) generations.raise([String(project)]);
    expect(present(generations, two, since)).toBe(true);
    generations.raise(['another']);
    expect(present(generations, two, since)).toBe(false);
    expect(present(generations, one, generations.present)).toBe(true);
  });
});
