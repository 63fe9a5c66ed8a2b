import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueBusy,
  CatalogueUnavailable,
  type ListAudience,
  type PageDocument,
  type Viewer,
} from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase, type Database } from '../connection/database.js';
import { StoredImageWriter } from '../images/stored-image-writer.js';
import { StoredImageLister } from '../lists/stored-image-lister.js';
import { migrate } from '../migrations/migrate.js';
import { HeldResults, TestNotifications } from '../testing/cache.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { namesOf, type ChangedAudience } from './audience-generations.js';
import { CachedPages } from './cached-pages.js';
import { ChangeNotifications, type ListeningSession } from './change-notifications.js';

const OWNER: Viewer = { project: 'owner', admin: false };
const OTHER: Viewer = { project: 'other', admin: false };
const ADMIN: Viewer = { project: 'other', admin: true };
const KEY = 'the first page';
const MIB = 2 ** 20;

let server: TemporaryDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 8 });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

const query = (text: string, values?: unknown[]): Promise<unknown> => database.pool.query(text, values);

/** Lets others run: reads from memory do not. */
const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads pages from PostgreSQL; its results can be held back. */
class HeldPages {
  reads = 0;
  /** The most reads that ran at a time. */
  concurrent = 0;
  running = 0;
  failure: Error | undefined;
  readonly results = new HeldResults();
  readonly #lister = new StoredImageLister(database);

  readonly compose = async (viewer: Viewer = OWNER): Promise<PageDocument> => {
    this.reads++;
    this.concurrent = Math.max(this.concurrent, ++this.running);
    try {
      if (this.failure) throw this.failure;
      const { value } = await this.#lister.imageNames({ limit: 10 }, viewer);
      await this.results.released();
      const bytes = value.images.map(({ name }) => name).join();
      return { bytes, tag: bytes };
    } finally {
      this.running--;
    }
  };
}

const OPTIONS = { size: MIB, staleLimit: 300 };

let id: string;
let stored: HeldPages;
beforeEach(async () => {
  id = randomUUID();
  stored = new HeldPages();
  await query('TRUNCATE images CASCADE');
  await query(
    `INSERT INTO images (id, name, status, visibility, owner, created_at)
     VALUES ($1, 'old', 'active', 'shared', 'owner', now())`,
    [id],
  );
});

const rename = (name: string): Promise<unknown> =>
  query('UPDATE images SET name = $2 WHERE id = $1', [id, name]);
const read = (
  pages: CachedPages,
  viewer: Viewer = OWNER,
  options?: { fresh: boolean },
): ReturnType<CachedPages['page']> =>
  pages.page(`${KEY} ${JSON.stringify(viewer)}`, viewer, () => stored.compose(viewer), options);
const namesIn = async (...request: Parameters<typeof read>): Promise<PageDocument['bytes']> =>
  (await read(...request)).value.bytes;
const cachedPage = (pages: CachedPages, viewer: Viewer = OWNER): ReturnType<CachedPages['cachedPage']> =>
  pages.cachedPage(`${KEY} ${JSON.stringify(viewer)}`);
const cached = (pages: CachedPages, viewer?: Viewer): PageDocument['bytes'] | undefined => {
  const page = cachedPage(pages, viewer);
  if (page instanceof Promise) throw new Error('it is being composed');
  return page?.bytes;
};

describe('with the notifications of the database', () => {
  let stop: AbortController;
  let notifications: ChangeNotifications;
  let listening: Promise<void>;
  let received: ChangedAudience[];
  let pages: CachedPages;
  beforeEach(async () => {
    stop = new AbortController();
    const observer = { onListening() {}, onCaughtUp() {}, onLost() {} };
    notifications = new ChangeNotifications({ url: server.url, pool: database.pool, observer });
    pages = new CachedPages(notifications, OPTIONS);
    // Of these alone: the connection of the test before may still receive.
    const own: ChangedAudience[] = (received = []);
    notifications.subscribeToAudiences((changed) => own.push(changed));
    listening = notifications.listen(stop.signal);
    await until(() => notifications.session !== undefined);
  });
  afterEach(async () => {
    stop.abort();
    await listening;
  });

  /** Makes a change, and waits for its notification. */
  async function change(happens: () => Promise<unknown>): Promise<void> {
    const before = received.length;
    await happens();
    await until(() => received.length > before);
  }

  it('a page is read twice, then served from memory until an image of the project changes', async () => {
    for (let times = 0; times < 5; times++) expect(await namesIn(pages)).toBe('old');
    expect(stored.reads).toBe(2);
    await change(() => rename('new'));
    for (let times = 0; times < 5; times++) expect(await namesIn(pages)).toBe('new');
    expect(stored.reads).toBe(3);
    expect(pages.outcomes).toMatchObject({ hit: 7, miss: 3 });
  });

  it('a new image and a new member are shown, and other projects keep their pages', async () => {
    for (const viewer of [OWNER, OTHER]) for (const _ of [1, 2]) await namesIn(pages, viewer);
    const insert = `INSERT INTO images (id, name, status, visibility, owner, created_at)
                    VALUES ($1, 'newer', 'active', 'private', 'owner', now())`;
    await change(() => query(insert, [randomUUID()]));
    expect(cached(pages, OTHER)).toBe('');
    expect(await namesIn(pages)).toBe('newer,old');
    await change(() =>
      query(`INSERT INTO members (image_id, member, status) VALUES ($1, 'other', 'accepted')`, [id]),
    );
    expect(cached(pages)).toBe('newer,old');
    expect(await namesIn(pages, OTHER)).toBe('old');
  });

  it('a result that a notification has overtaken is returned to its readers, and is not cached', async () => {
    await namesIn(pages);
    stored.results.hold();
    const waiting = [namesIn(pages), namesIn(pages)];
    await until(() => stored.results.held === 1);
    await change(() => rename('new'));
    stored.results.release();
    expect(await Promise.all(waiting)).toEqual(['old', 'old']);
    expect(pages.entries).toBe(0);
    expect(await namesIn(pages)).toBe('new');
  });

  it('a request after the notification does not share a query from before it, and waits for that', async () => {
    stored.results.hold();
    const early = namesIn(pages);
    await until(() => stored.results.held === 1);
    await change(() => rename('new'));
    const late = Array.from({ length: 10 }, () => namesIn(pages));
    expect(stored.reads).toBe(1);
    stored.results.release();
    expect(await early).toBe('old');
    expect(new Set(await Promise.all(late))).toEqual(new Set(['new']));
    expect(stored.reads).toBe(2);
    expect(cached(pages)).toBe('new');
  });

  it('with two hundred changes a second one query of a page runs at a time', async () => {
    let going = true;
    let clients = 0;
    const reading = Array.from({ length: 20 }, async () => {
      for (clients++; going; await nextTurn()) await namesIn(pages);
    });
    try {
      await until(() => clients === 20);
      for (let number = 0; number < 200; number++) {
        await rename(`name ${number}`);
        await sleep(4);
      }
      await until(() => received.length >= 200);
    } finally {
      going = false;
      await Promise.all(reading);
    }
    expect(stored.concurrent).toBe(1);
    expect(await namesIn(pages)).toBe('name 199');
  });
});

describe('with notifications that are late', () => {
  let notifications: TestNotifications;
  let pages: CachedPages;
  beforeEach(async () => {
    notifications = new TestNotifications();
    pages = new CachedPages(notifications, { ...OPTIONS, now: notifications.now });
    for (const _ of [1, 2]) await namesIn(pages);
    expect(cached(pages)).toBe('old');
  });

  it('a change of the same replica is shown at once, and other projects keep their pages', async () => {
    for (const _ of [1, 2]) await namesIn(pages, OTHER);
    const changed = (_: readonly string[], audience?: ListAudience): void => pages.drop(audience!);
    await new StoredImageWriter(database, {}, changed).delete(id);
    expect(await namesIn(pages)).toBe('');
    expect(cached(pages, OTHER)).toBe('');
  });

  it('a page that was read before a change of the same replica is not cached', async () => {
    notifications.sendAudience(namesOf(['owner']));
    stored.results.hold();
    const waiting = namesIn(pages);
    await until(() => stored.results.held === 1);
    await rename('new');
    pages.drop(['owner']);
    const late = namesIn(pages);
    stored.results.release();
    expect(await waiting).toBe('old');
    expect(await late).toBe('new');
    expect(cached(pages)).toBe('new');
  });

  it('pages are trusted for two seconds after the last heartbeat that was answered', async () => {
    await rename('new');
    notifications.time += 2_000;
    expect(cached(pages)).toBe('old');
    notifications.time += 1;
    expect(cached(pages)).toBeUndefined();
    expect(await namesIn(pages)).toBe('new');
    notifications.session!.confirmedAt = notifications.time;
    expect(await namesIn(pages)).toBe('new');
  });

  it('no page from before a reconnection is fresh, nor a query that was sent before', async () => {
    notifications.session = { confirmedAt: notifications.time };
    expect(cached(pages)).toBeUndefined();
    stored.results.hold();
    const early = namesIn(pages);
    await until(() => stored.results.held === 1);
    await rename('new');
    notifications.session = { confirmedAt: notifications.time } satisfies ListeningSession;
    const late = namesIn(pages);
    stored.results.release();
    expect(await Promise.all([early, late])).toEqual(['old', 'new']);
    expect(cached(pages)).toBe('new');
  });

  it('without notifications no request shares a query that began before it', async () => {
    notifications.session = undefined;
    stored.results.hold();
    const early = namesIn(pages);
    await until(() => stored.results.held === 1);
    await rename('new');
    const late = Array.from({ length: 10 }, () => namesIn(pages));
    stored.results.release();
    expect(await early).toBe('old');
    expect(new Set(await Promise.all(late))).toEqual(new Set(['new']));
    expect(stored.reads).toBe(4);
    expect(stored.concurrent).toBe(1);
  });

  it('a page that is being composed is shared, unless it was read before a change', async () => {
    notifications.sendAudience('everyone');
    expect(cached(pages)).toBeUndefined();
    stored.results.hold();
    const early = namesIn(pages);
    const shared = cachedPage(pages);
    expect(shared).toBeInstanceOf(Promise);
    expect(pages.outcomes.shared).toBe(1);
    await until(() => stored.results.held === 1);
    await rename('new');
    notifications.sendAudience('everyone');
    expect(cached(pages)).toBeUndefined();
    const late = namesIn(pages);
    const next = cachedPage(pages);
    stored.results.release();
    expect([await early, (await shared)!.bytes]).toEqual(['old', 'old']);
    expect([await late, (await next)!.bytes]).toEqual(['new', 'new']);
    expect(stored.reads).toBe(4);
  });

  it('a page that is being composed is left to requests that may get a copy, without notifications', async () => {
    notifications.session = undefined;
    stored.results.hold();
    const waiting = namesIn(pages);
    expect(cached(pages)).toBeUndefined();
    stored.results.release();
    expect(await waiting).toBe('old');
  });

  it('a query that fails does not fail the requests that share the next one', async () => {
    notifications.sendAudience('everyone');
    stored.results.hold();
    stored.failure = new TypeError('a defect');
    const early = namesIn(pages);
    notifications.sendAudience('everyone');
    const late = namesIn(pages);
    stored.failure = undefined;
    await expect(early).rejects.toThrow('a defect');
    await until(() => stored.results.held === 1);
    stored.results.release();
    expect(await late).toBe('old');
  });

  it('a page of an administrator is dropped with every change', async () => {
    for (const _ of [1, 2]) await namesIn(pages, ADMIN);
    notifications.sendAudience(namesOf(['a third project']));
    expect(cached(pages)).toBe('old');
    expect(cached(pages, ADMIN)).toBeUndefined();
    notifications.sendAudience([]);
    expect(await namesIn(pages, ADMIN)).toBe('old');
    notifications.sendAudience([]);
    expect(cached(pages, ADMIN)).toBeUndefined();
  });

  it('no-cache reads a page of its own', async () => {
    await rename('new');
    expect(await namesIn(pages, OWNER, { fresh: true })).toBe('new');
    expect(pages.outcomes.bypass).toBe(1);
  });
});

describe('what is cached', () => {
  let notifications: TestNotifications;
  let pages: CachedPages;
  let reads: number;
  beforeEach(() => {
    notifications = new TestNotifications();
    pages = new CachedPages(notifications, { ...OPTIONS, now: notifications.now });
    reads = 0;
  });

  const request = async (key: string, viewer: Viewer = OWNER, bytes = 1_000): Promise<void> => {
    const compose = (): Promise<PageDocument> => {
      reads++;
      return Promise.resolve({ bytes: 'x'.repeat(bytes), tag: key });
    };
    const { value } = await pages.page(`${viewer.project} ${key}`, viewer, compose);
    expect(value.tag).toBe(key);
  };

  it('are pages that were requested twice in ten seconds', async () => {
    await request('a');
    notifications.session!.confirmedAt = notifications.time += 10_001;
    await request('a');
    expect(pages.entries).toBe(0);
    notifications.session!.confirmedAt = notifications.time += 10_000;
    await request('a');
    expect(pages.entries).toBe(1);
    // One that was used lately is cached again after a change.
    notifications.session!.confirmedAt = notifications.time += 60_000;
    await request('a');
    notifications.sendAudience('everyone');
    notifications.session!.confirmedAt = notifications.time += 9_000;
    await request('a');
    await request('a');
    expect(reads).toBe(4);
  });

  it('are pages of at most 256 KiB, and an eighth of the size for each project', async () => {
    pages = new CachedPages(notifications, { ...OPTIONS, size: 64 * MIB, now: notifications.now });
    for (const _ of [1, 2]) await request('large', OWNER, 2 ** 18);
    for (const _ of [1, 2]) await request('too large', OWNER, 2 ** 18 + 1);
    expect(pages.entries).toBe(1);
    const of = (project: string): Viewer => ({ project, admin: false });
    const sizes: number[] = [];
    for (let number = 0; number < 60; number++) {
      for (const _ of [1, 2]) await request(`page ${number}`, of('one'), 2 ** 18);
      sizes.push(pages.bytes);
    }
    const first = sizes[0]! - 2 ** 18;
    expect(Math.max(...sizes) - first).toBeLessThanOrEqual(8 * MIB);
    expect(Math.max(...sizes) - first).toBeGreaterThan(7 * MIB);
    for (let project = 0; project < 10; project++) {
      for (let number = 0; number < 30; number++) {
        for (const _ of [1, 2]) await request(`page ${number}`, of(`project ${project}`), 2 ** 18);
        expect(pages.bytes).toBeLessThanOrEqual(64 * MIB);
      }
    }
    expect(pages.bytes).toBeGreaterThan(63 * MIB);
  });

  it('hardly depends on a project that requests all limits and markers', async () => {
    const victim = async (): Promise<number> => {
      const before = reads;
      for (let round = 0; round < 5; round++) {
        for (let number = 0; number < 20; number++) await request(`page ${number}`, OTHER, 3_000);
      }
      return 1 - (reads - before) / 100;
    };
    await victim();
    notifications.sendAudience('everyone');
    const alone = await victim();
    const scan = async (): Promise<void> => {
      for (let number = 0; number < 2_000; number++) {
        await request(`?limit=${number}`, OWNER, 3_000);
        if (number % 2 === 0) await request(`?limit=${number}`, OWNER, 3_000);
      }
    };
    await scan();
    notifications.sendAudience(namesOf(['other']));
    const after = reads;
    await scan();
    expect(reads).toBeGreaterThan(after);
    expect(await victim()).toBeGreaterThanOrEqual(alone * 0.9);
  });
});

describe('a database that is unavailable', () => {
  let notifications: TestNotifications;
  let pages: CachedPages;
  beforeEach(async () => {
    notifications = new TestNotifications();
    pages = new CachedPages(notifications, { ...OPTIONS, now: notifications.now });
    for (const _ of [1, 2]) await namesIn(pages);
    notifications.time += 10_000;
    notifications.session!.confirmedAt = notifications.time;
    notifications.time += 3_500;
    stored.failure = new CatalogueUnavailable();
  });

  it('is answered by a copy, as old as the last heartbeat that was answered', async () => {
    expect(await read(pages)).toMatchObject({ source: 'copy', age: 3.5, value: { bytes: 'old' } });
    notifications.session = undefined;
    notifications.time += 1_000;
    expect(await read(pages, OWNER, { fresh: true })).toMatchObject({ source: 'copy', age: 4.5 });
    expect(pages.outcomes.stale).toBe(2);
  });

  it('is answered by a copy until the limit, and without one not at all', async () => {
    await expect(read(pages, OTHER)).rejects.toThrow(CatalogueUnavailable);
    notifications.time += 296_000;
    expect(await read(pages)).toMatchObject({ source: 'copy', age: 299.5 });
    notifications.time += 500;
    await expect(read(pages)).rejects.toThrow(CatalogueUnavailable);
  });

  it('is not answered by a copy that is known to be outdated', async () => {
    notifications.sendAudience(namesOf(['owner']));
    await expect(read(pages)).rejects.toThrow(CatalogueUnavailable);
  });

  it('is answered by a copy also where requests wait too long for it, but not with no-cache', async () => {
    stored.failure = new CatalogueBusy();
    expect(await read(pages)).toMatchObject({ source: 'copy' });
    await expect(read(pages, OWNER, { fresh: true })).rejects.toThrow(CatalogueBusy);
  });

  it('that is silent is waited for, but not long where there is a copy', async () => {
    stored.failure = undefined;
    stored.results.hold();
    notifications.session = undefined;
    const without = read(pages, OTHER);
    expect(await read(pages)).toMatchObject({ source: 'copy' });
    stored.results.release();
    expect(await without).toMatchObject({ source: 'fresh' });
  });
});
