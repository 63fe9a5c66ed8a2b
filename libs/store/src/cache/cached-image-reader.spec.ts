import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  ImageNotFound,
  type Image,
  type ImageReader,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoredImageReader } from '../images/stored-image-reader.js';
import { StoredImageWriter } from '../images/stored-image-writer.js';
import { openDatabase, type Database } from '../connection/database.js';
import { HeldResults, TestNotifications } from '../testing/cache.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { migrate } from '../migrations/migrate.js';
import { CachedImageReader } from './cached-image-reader.js';
import { ChangeNotifications, type ChangedIds, type ListeningSession } from './change-notifications.js';

const OWNER: Viewer = { project: 'owner', admin: false };
const MEMBER: Viewer = { project: 'member', admin: false };
const STRANGER: Viewer = { project: 'stranger', admin: false };
const SIZE = 2 ** 20;

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

/** Reads from PostgreSQL; its results can be held back. */
class HeldReader extends StoredImageReader {
  reads = 0;
  away = false;
  readonly results = new HeldResults();

  constructor() {
    super(database);
  }

  override async image(id: string, viewer: Viewer): Promise<Reading<Image>> {
    this.reads++;
    if (this.away) throw new CatalogueUnavailable();
    const outcome = await super.image(id, viewer).then(
      (reading) => () => reading,
      (error: unknown) => () => {
        throw error;
      },
    );
    await this.results.released();
    return outcome();
  }
}

const OPTIONS = { size: SIZE, staleLimit: 300, freshReads: 2 };

let id: string;
let stored: HeldReader;
beforeEach(async () => {
  id = randomUUID();
  stored = new HeldReader();
  await query(
    `INSERT INTO images (id, name, status, visibility, owner, created_at)
     VALUES ($1, 'old', 'active', 'shared', 'owner', now())`,
    [id],
  );
  await query(`INSERT INTO members VALUES ($1, 'member', 'pending')`, [id]);
});

const rename = (name: string): Promise<unknown> =>
  query('UPDATE images SET name = $2 WHERE id = $1', [id, name]);

/** The name that the image is read by. */
async function nameIn(
  reader: ImageReader,
  viewer: Viewer = OWNER,
  options?: { fresh: boolean },
): Promise<string> {
  return (await reader.image(id, viewer, options)).value.name!;
}

describe('with the notifications of the database', () => {
  let stop: AbortController;
  let notifications: ChangeNotifications;
  let listening: Promise<void>;
  let received: ChangedIds[];
  let cache: CachedImageReader;
  beforeEach(async () => {
    stop = new AbortController();
    const observer = { onListening() {}, onCaughtUp() {}, onLost() {} };
    notifications = new ChangeNotifications({ url: server.url, pool: database.pool, observer });
    cache = new CachedImageReader(stored, notifications, OPTIONS);
    // Of these alone: the connection of the test before may still receive.
    const own: ChangedIds[] = (received = []);
    notifications.subscribe((changed) => own.push(changed));
    listening = notifications.listen(stop.signal);
    await until(() => notifications.session !== undefined);
  });
  afterEach(async () => {
    stop.abort();
    await listening;
  });

  const wasNotifiedOf = (wanted: string): boolean => received.some((changed) => changed.includes(wanted));

  it('an image is read once, until it is changed', async () => {
    for (let times = 0; times < 3; times++) expect(await nameIn(cache)).toBe('old');
    expect(stored.reads).toBe(1);
    await rename('new');
    await until(() => wasNotifiedOf(id));
    for (let times = 0; times < 3; times++) expect(await nameIn(cache)).toBe('new');
    expect(stored.reads).toBe(2);
  });

  it('an image is dropped with the change of its members, and when everything is', async () => {
    await nameIn(cache, MEMBER);
    await query('DELETE FROM members WHERE image_id = $1', [id]);
    await until(() => wasNotifiedOf(id));
    await expect(nameIn(cache, MEMBER)).rejects.toThrow(ImageNotFound);
    expect(await nameIn(cache)).toBe('old');
    await query('TRUNCATE images CASCADE');
    await until(() => received.includes('all'));
    await expect(nameIn(cache)).rejects.toThrow(ImageNotFound);
    expect(cache.entries).toBe(0);
  });

  it('one of more than a thousand images that a statement touches is dropped with the others', async () => {
    await query(
      `INSERT INTO images (id, status, visibility, created_at)
       SELECT gen_random_uuid(), 'active', 'public', now() FROM generate_series(1, 1001)`,
    );
    await nameIn(cache);
    await query(`UPDATE images SET name = 'new'`);
    await until(() => received.includes('all'));
    expect(await nameIn(cache)).toBe('new');
  });

  it('a result that a notification has overtaken goes to the waiting readers, and is not cached', async () => {
    stored.results.hold();
    const waiting = [nameIn(cache), nameIn(cache)];
    await until(() => stored.results.held === 1);
    await rename('new');
    await until(() => wasNotifiedOf(id));
    stored.results.release();
    expect(await Promise.all(waiting)).toEqual(['old', 'old']);
    expect(cache.entries).toBe(0);
    expect(await nameIn(cache)).toBe('new');
  });

  it('a read after the notification does not wait for one from before it', async () => {
    stored.results.hold();
    const early = nameIn(cache);
    await until(() => stored.results.held === 1);
    await rename('new');
    await until(() => wasNotifiedOf(id));
    const late = nameIn(cache);
    await until(() => stored.results.held === 2);
    // The answers come in the order that is the worst: the older one last.
    const [first, second] = [early, late];
    stored.results.release();
    expect(await second).toBe('new');
    expect(await first).toBe('old');
    expect(await nameIn(cache)).toBe('new');
    expect(stored.reads).toBe(2);
  });

  it('nor is a result that was read while all were dropped', async () => {
    stored.results.hold();
    const waiting = nameIn(cache);
    await until(() => stored.results.held === 1);
    await query('TRUNCATE images CASCADE');
    await until(() => received.includes('all'));
    stored.results.release();
    expect(await waiting).toBe('old');
    await expect(nameIn(cache)).rejects.toThrow(ImageNotFound);
  });
});

describe('with notifications that are late', () => {
  let notifications: TestNotifications;
  let cache: CachedImageReader;
  beforeEach(() => {
    notifications = new TestNotifications();
    cache = new CachedImageReader(stored, notifications, { ...OPTIONS, now: notifications.now });
  });

  const begin = (): ListeningSession => (notifications.session = { confirmedAt: notifications.time });

  it('a change of the same replica is visible at once', async () => {
    await cache.image(id, OWNER);
    const writer = new StoredImageWriter(database, {}, (ids) => cache.drop(ids));
    await writer.change(id.toUpperCase(), { properties: { kind: 'merge', properties: { a: 'b' } } });
    expect((await cache.image(id, OWNER)).value.properties).toEqual({ a: 'b' });
    await writer.delete(id.toUpperCase());
    await expect(cache.image(id, OWNER)).rejects.toThrow(ImageNotFound);
  });

  it('a read that began before a change of the same replica is not cached', async () => {
    stored.results.hold();
    const waiting = cache.image(id, OWNER);
    await until(() => stored.results.held === 1);
    const writer = new StoredImageWriter(database, {}, (ids) => cache.drop(ids));
    await writer.change(id, { properties: { kind: 'merge', properties: { a: 'b' } } });
    stored.results.release();
    expect((await waiting).value.properties).toEqual({});
    expect((await cache.image(id, OWNER)).value.properties).toEqual({ a: 'b' });
  });

  it('copies are trusted for two seconds after the last heartbeat that was answered', async () => {
    await cache.image(id, OWNER);
    await rename('new');
    notifications.time += 2_000;
    expect(await nameIn(cache)).toBe('old');
    notifications.time += 1;
    expect(await nameIn(cache)).toBe('new');
  });

  it('a copy is trusted again once a heartbeat was answered', async () => {
    await cache.image(id, OWNER);
    notifications.time += 60_000;
    notifications.session!.confirmedAt = notifications.time;
    await cache.image(id, OWNER);
    expect(stored.reads).toBe(1);
  });

  it('nothing from before is fresh after a reconnect, nor is a read that began before', async () => {
    await cache.image(id, OWNER);
    stored.results.hold();
    const [waiting] = [cache.image(id, OWNER, { fresh: true })];
    await until(() => stored.results.held === 1);
    notifications.session = undefined;
    await rename('new');
    begin();
    stored.results.release();
    expect((await waiting).value.name).toBe('old');
    expect(await nameIn(cache)).toBe('new');
    expect(await nameIn(cache)).toBe('new');
    expect(stored.reads).toBe(3);
  });

  it('without notifications every read is a query, and concurrent reads share one', async () => {
    notifications.session = undefined;
    await cache.image(id, OWNER);
    await rename('new');
    stored.results.hold();
    const reads = Array.from({ length: 20 }, () => nameIn(cache));
    await until(() => stored.results.held === 1);
    stored.results.release();
    expect(await Promise.all(reads)).toEqual(Array(20).fill('new'));
    expect(stored.reads).toBe(2);
  });

  it('a read in flight for more than two seconds is not shared', async () => {
    stored.results.hold();
    const early = nameIn(cache);
    await until(() => stored.results.held === 1);
    await rename('new');
    notifications.time += 2_001;
    const late = nameIn(cache);
    await until(() => stored.results.held === 2);
    stored.results.release();
    expect(await Promise.all([early, late])).toEqual(['old', 'new']);
  });
});

describe('a copy', () => {
  it('is shown to those viewers that may see it, and read once for all of them', async () => {
    const cache = new CachedImageReader(stored, new TestNotifications(), OPTIONS);
    for (let times = 0; times < 2; times++) {
      expect(await nameIn(cache, OWNER)).toBe('old');
      expect(await nameIn(cache, MEMBER)).toBe('old');
      expect(await nameIn(cache, { project: null, admin: true })).toBe('old');
    }
    expect(stored.reads).toBe(1);
  });

  it('saves no query for a viewer that may not see it, to which it is like one that does not exist', async () => {
    const cache = new CachedImageReader(stored, new TestNotifications(), OPTIONS);
    expect(await nameIn(cache, OWNER)).toBe('old');
    for (let times = 2; times < 4; times++) {
      await expect(nameIn(cache, STRANGER)).rejects.toThrow(ImageNotFound);
      expect(stored.reads).toBe(times);
    }
    expect(await nameIn(cache, OWNER)).toBe('old');
    expect(stored.reads).toBe(3);
  });

  it('is found by its id in either case', async () => {
    const cache = new CachedImageReader(stored, new TestNotifications(), OPTIONS);
    await cache.image(id, OWNER);
    expect((await cache.image(id.toUpperCase(), OWNER)).value.id).toBe(id);
    expect(stored.reads).toBe(1);
  });

  it('is none of what is missing, which is found as soon as it is there', async () => {
    const cache = new CachedImageReader(stored, new TestNotifications(), OPTIONS);
    const missing = randomUUID();
    for (const wanted of [missing, 'none', '']) {
      await expect(cache.image(wanted, OWNER)).rejects.toThrow(ImageNotFound);
    }
    await query(
      `INSERT INTO images (id, status, visibility, created_at) VALUES ($1, 'active', 'public', now())`,
      [missing],
    );
    expect((await cache.image(missing, OWNER)).value.id).toBe(missing);
  });

  it('goes when there are too many bytes of them, the one not used for longest first', async () => {
    const cache = new CachedImageReader(stored, new TestNotifications(), { ...OPTIONS, size: 100_000 });
    const ids = Array.from({ length: 60 }, () => randomUUID());
    await query(
      `INSERT INTO images (id, status, visibility, properties, created_at)
       SELECT id, 'active', 'public', jsonb_build_object('long', repeat('x', 255)), now()
       FROM unnest($1::uuid[]) AS id`,
      [ids],
    );
    const most: number[] = [];
    for (const each of ids) {
      await cache.image(each, OWNER);
      await cache.image(ids[0]!, OWNER);
      most.push(cache.bytes);
    }
    expect(Math.max(...most)).toBeLessThanOrEqual(100_000);
    expect(cache.entries).toBeGreaterThan(10);
    expect(cache.entries).toBeLessThan(60);
    const before = stored.reads;
    await cache.image(ids[0]!, OWNER);
    expect(stored.reads).toBe(before);
    await cache.image(ids[1]!, OWNER);
    expect(stored.reads).toBe(before + 1);
  });
});

describe('a cached image', () => {
  let notifications: TestNotifications;
  let cache: CachedImageReader;
  beforeEach(() => {
    notifications = new TestNotifications();
    cache = new CachedImageReader(stored, notifications, {
      ...OPTIONS,
      size: 100_000,
      now: notifications.now,
    });
  });

  it('is returned at once to viewers that may see it, while it is fresh', async () => {
    expect(cache.cached(id, OWNER)).toBeUndefined();
    const { value } = await cache.image(id, OWNER);
    expect(cache.cached(id.toUpperCase(), MEMBER)).toBe(value);
    expect(cache.cached(id, STRANGER)).toBeUndefined();
    notifications.time += 2_001;
    expect(cache.cached(id, OWNER)).toBeUndefined();
    expect(stored.reads).toBe(1);
    expect(cache.outcomes).toMatchObject({ miss: 1, hit: 1 });
  });

  it('counts with the bytes that are cached along with it, and they are dropped together', async () => {
    const { value } = await cache.image(id, OWNER);
    const alone = cache.bytes;
    cache.accountBytes(value, 10_000);
    cache.accountBytes(value, -2_000);
    expect(cache.bytes).toBe(alone + 8_000);
    expect(cache.cached(id, OWNER)).toBe(value);
    notifications.sendIds([id]);
    expect(cache.bytes).toBe(0);
    cache.accountBytes(value, 10_000);
    expect(cache.bytes).toBe(0);
    const { value: again } = await cache.image(id, OWNER);
    cache.accountBytes(value, 10_000);
    expect(cache.bytes).toBe(alone);
    cache.accountBytes(again, 200_000);
    expect(cache.bytes).toBe(0);
  });
});

describe('a read that wants no copy', () => {
  let notifications: TestNotifications;
  let cache: CachedImageReader;
  beforeEach(() => {
    notifications = new TestNotifications();
    cache = new CachedImageReader(stored, notifications, { ...OPTIONS, now: notifications.now });
  });
  const fresh = { fresh: true };

  it('queries the database, and its result is cached', async () => {
    await cache.image(id, OWNER);
    await rename('new');
    expect(await nameIn(cache, OWNER, fresh)).toBe('new');
    expect(await nameIn(cache)).toBe('new');
    expect(stored.reads).toBe(2);
  });

  it('shares no read that began before', async () => {
    stored.results.hold();
    const early = [nameIn(cache), nameIn(cache, OWNER, fresh)];
    await until(() => stored.results.held === 2);
    await rename('new');
    const late = nameIn(cache, OWNER, fresh);
    // Two such reads go at a time; the third needs the second's place.
    stored.results.release(2);
    expect(await Promise.all(early)).toEqual(['old', 'old']);
    await until(() => stored.results.held === 1);
    stored.results.release();
    expect(await late).toBe('new');
    expect(await nameIn(cache)).toBe('new');
  });

  it('goes with few others at a time, and waits for its turn', async () => {
    stored.results.hold();
    const reads = Array.from({ length: 7 }, () => cache.image(id, OWNER, fresh));
    for (const round of [2, 2, 2, 1]) {
      await until(() => stored.results.held === round);
      await sleep(20);
      expect(stored.results.held).toBe(round);
      stored.results.release(round);
    }
    await Promise.all(reads);
    expect(stored.reads).toBe(7);
  });

  it('is refused when it is queued for too long, rather than served a copy, and delays no other read', async () => {
    await cache.image(id, OWNER);
    const other = randomUUID();
    stored.results.hold();
    const holding = [cache.image(id, OWNER, fresh), cache.image(id, OWNER, fresh)];
    await until(() => stored.results.held === 2);
    const refused = cache.image(id, OWNER, fresh);
    const missing = cache.image(other, OWNER);
    await expect(refused).rejects.toThrow(CatalogueUnavailable);
    expect(stored.results.held).toBe(3);
    stored.results.release();
    await Promise.all(holding);
    await expect(missing).rejects.toThrow(ImageNotFound);
  });
});

describe('a database that is unavailable', () => {
  let notifications: TestNotifications;
  let cache: CachedImageReader;
  beforeEach(async () => {
    notifications = new TestNotifications();
    cache = new CachedImageReader(stored, notifications, { ...OPTIONS, now: notifications.now });
    await cache.image(id, OWNER);
    notifications.time += 10_000;
    notifications.session!.confirmedAt = notifications.time;
    notifications.time += 3_500;
    stored.away = true;
  });

  it('is stood in for by a copy, as old as the last heartbeat that was answered', async () => {
    expect(await cache.image(id, OWNER)).toMatchObject({ source: 'copy', age: 3.5, value: { id } });
    notifications.session = undefined;
    notifications.time += 1_000;
    expect(await cache.image(id, MEMBER, { fresh: true })).toMatchObject({ source: 'copy', age: 4.5 });
  });

  it('is stood in for by a copy that was never trusted, as old as its reading', async () => {
    stored.away = false;
    notifications.session = undefined;
    await cache.image(id, OWNER);
    stored.away = true;
    notifications.time += 7_000;
    expect(await cache.image(id, OWNER)).toMatchObject({ source: 'copy', age: 7 });
  });

  it('is stood in for until the limit', async () => {
    notifications.time += 296_000;
    expect(await cache.image(id, OWNER)).toMatchObject({ source: 'copy', age: 299.5 });
    notifications.time += 500;
    await expect(cache.image(id, OWNER)).rejects.toThrow(CatalogueUnavailable);
  });

  it('reveals neither missing images nor those that a viewer may not see', async () => {
    for (const wanted of [randomUUID(), id]) {
      await expect(cache.image(wanted, STRANGER)).rejects.toThrow(CatalogueUnavailable);
    }
  });

  it('that is silent is waited for, but not long where there is a copy', async () => {
    stored.away = false;
    stored.results.hold();
    notifications.session = undefined;
    const without = cache.image(randomUUID(), OWNER).catch((error: unknown) => error);
    expect(await cache.image(id, OWNER)).toMatchObject({ source: 'copy' });
    expect(stored.results.held).toBe(2);
    stored.results.release();
    expect(await without).toBeInstanceOf(ImageNotFound);
  });
});
