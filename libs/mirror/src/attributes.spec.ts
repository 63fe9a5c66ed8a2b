import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { SourceUnavailable, type Catalogue, type SourceImage } from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import {
  StoredMirror,
  StoredPendingChanges,
  migrate,
  openDatabase,
  storedCatalogue,
  type Database,
} from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import {
  AllAttributesCatalogue,
  Follower,
  MirroredImageReader,
  StalenessCatalogue,
  type SyncStatusReader,
  compareCatalogues,
} from './index.js';
import { FakeSource, PAGE } from './testing/fake-source.js';
import { FormerRelease } from './testing/former-release.js';

const ADMIN = { project: 'admin', admin: true };
const OWNER = { project: 'a', admin: false };
const ALL = { limit: 1000 };

let server: TemporaryDatabase;
let database: Database;
let stored: Catalogue;
let mirror: StoredMirror;
let former: FormerRelease;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 20 });
  stored = storedCatalogue(database, {}, () => undefined, true);
  mirror = new StoredMirror(database);
  former = new FormerRelease(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

let source: FakeSource;
let stop: AbortController;
let following: Promise<void>[];
let syncs: number;
/** What an API that shows every attribute reads, and what the Compute API reads. */
let full: AllAttributesCatalogue;
let dated: StalenessCatalogue;
beforeEach(async () => {
  await database.pool.query('TRUNCATE images, follower, change_leases CASCADE');
  await database.pool.query('INSERT INTO follower DEFAULT VALUES');
  source = new FakeSource();
  following = [];
  syncs = 0;
  const reader = new MirroredImageReader({
    ...{ reader: stored.reader, mirror, source },
    observe: () => undefined,
    concurrentFetches: 8,
  });
  const syncStatus = { read: () => mirror.syncStatus() } as SyncStatusReader;
  dated = new StalenessCatalogue({ reader, current: reader, lister: stored.lister }, syncStatus, 3600);
  full = new AllAttributesCatalogue({ reader: dated, lister: dated }, syncStatus);
});
afterEach(() => end());

function follow(): void {
  stop = new AbortController();
  const observe = (name: string): void => void (name === 'full-sync-ended' && syncs++);
  const options = { holder: 'test', interval: 0.05, overlap: 10, round: 100 };
  following.push(
    new Follower({ ...options, source, mirror, pending: new StoredPendingChanges(database), observe }).run(
      stop.signal,
    ),
  );
}

async function end(): Promise<void> {
  stop?.abort();
  await Promise.all(following);
}

async function filled(): Promise<void> {
  follow();
  await until(() => full.attributesFilled());
}

async function differences(): Promise<string[]> {
  const found: string[] = [];
  for await (const difference of compareCatalogues(source, mirror)) found.push(difference);
  return found;
}

let added = 0;
const add = (over: Partial<SourceImage> = {}): SourceImage =>
  source.add({
    diskFormat: 'qcow2',
    containerFormat: 'bare',
    checksum: '9842cccb60cb5a48efcdbd33bdc9e7e1',
    hashAlgorithm: 'sha512',
    hashValue: '98243867',
    virtualSize: 2 ** 40,
    tags: ['a', `${added++}`],
    locations: { stores: 'fs', locations: [{ url: 'file:///a', metadata: {} }] },
    properties: { '': 'nameless', kernel_id: null },
    ...over,
  });

/** Two pages of images, a shared one among them, as release 0.1 has mirrored them. */
async function mirrorOfFormerRelease(): Promise<{ one: SourceImage; shared: SourceImage }> {
  const one = add();
  const shared = add({ visibility: 'shared' });
  source.share(shared.id, 'b', 'accepted');
  for (let count = 2; count < 2 * PAGE; count++) add();
  await followAsFormer();
  return { one, shared };
}

/** One full sync of release 0.1. */
async function followAsFormer(): Promise<void> {
  const lease = await former.acquire();
  await former.apply([...source.images.values()], await mirror.draw(), lease);
  for (const id of source.shares.keys()) {
    await former.applyMembers([(await source.members(id))!], await mirror.draw(), lease);
  }
  await former.advance(lease);
  await former.release(lease);
}

const SHOWN = { diskFormat: 'qcow2', hashValue: '98243867', properties: { '': 'nameless', kernel_id: null } };

describe('a mirror of the former release', () => {
  it('is filled by one full sync, members’ times included', async () => {
    await mirrorOfFormerRelease();
    expect(await mirror.syncStatus()).toMatchObject({ complete: true, attributesFilled: false });
    await filled();
    expect(syncs).toBe(1);
    expect(await differences()).toEqual([]);
    const { images } = (await full.images(ALL, ADMIN)).value;
    expect(images).toHaveLength(2 * PAGE);
    for (const image of images) expect(image).toMatchObject(SHOWN);
  }, 30_000);

  it('has no lists of every attribute until then, and others as before', async () => {
    await mirrorOfFormerRelease();
    await expect(full.images(ALL, ADMIN)).rejects.toThrow(SourceUnavailable);
    await expect(full.imageNames(ALL, ADMIN)).rejects.toThrow(SourceUnavailable);
    expect((await dated.images(ALL, ADMIN)).value.images).toHaveLength(2 * PAGE);
  }, 30_000);

  it('fetches a single image until then, and once only', async () => {
    const { one, shared } = await mirrorOfFormerRelease();
    source.calls['image'] = 0;
    for (let time = 0; time < 3; time++) {
      expect((await full.image(one.id, OWNER)).value).toMatchObject({ ...SHOWN, tags: one.tags });
      const { members } = (await full.image(shared.id, OWNER)).value;
      expect(members.get('b')!.createdAt).toBeInstanceOf(Date);
    }
    expect(source.calls['image']).toBe(2);
    expect((await dated.image(one.id, OWNER)).value.name).toBe(one.name);
  }, 30_000);

  it('shows no image whose attributes are not known while the source is unavailable', async () => {
    const { one } = await mirrorOfFormerRelease();
    source.away = 'connection refused';
    await expect(full.image(one.id, OWNER)).rejects.toThrow(SourceUnavailable);
    expect((await dated.image(one.id, OWNER)).value.name).toBe(one.name);
  }, 30_000);
});

describe('a filled mirror', () => {
  it('fetches what a replica of the former release wrote beside it', async () => {
    const { one, shared } = await mirrorOfFormerRelease();
    await filled();
    await end();
    source.change(one.id, { name: 'renamed', tags: ['changed'] });
    source.share(shared.id, 'b', 'rejected');
    await former.apply([source.images.get(one.id)!], await mirror.draw());
    await former.applyMembers([(await source.members(shared.id))!], await mirror.draw());
    expect((await stored.reader.image(one.id, ADMIN)).value).toMatchObject({
      name: 'renamed',
      attributesCurrent: false,
    });
    expect(await full.attributesFilled()).toBe(true);
    expect((await full.image(one.id, OWNER)).value).toMatchObject({ name: 'renamed', tags: ['changed'] });
    const { members } = (await full.image(shared.id, OWNER)).value;
    expect(members.get('b')).toEqual(source.shares.get(shared.id)!.get('b'));
    expect(await differences()).toEqual([]);
  }, 30_000);

  it('is filled again after the former release has followed', async () => {
    const { one } = await mirrorOfFormerRelease();
    await filled();
    await end();
    source.change(one.id, { tags: ['changed'] });
    const late = add();
    await followAsFormer();
    expect(await mirror.syncStatus()).toMatchObject({ complete: true, attributesFilled: false });
    await filled();
    expect(await differences()).toEqual([]);
    expect((await stored.reader.image(late.id, ADMIN)).value).toMatchObject(SHOWN);
  }, 30_000);

  it('stays so when the next follower of this release takes over', async () => {
    await mirrorOfFormerRelease();
    await filled();
    await end();
    const lease = await mirror.acquire('next');
    expect(lease).toBeDefined();
    expect(await full.attributesFilled()).toBe(true);
    await mirror.release(lease!);
  }, 30_000);

  it('was filled from the beginning, if the former release followed in the middle of a full sync', async () => {
    const { one } = await mirrorOfFormerRelease();
    const lease = (await mirror.acquire('interrupted'))!;
    const { number: ticket } = await mirror.draw();
    const page = await source.page({ hidden: false });
    await mirror.apply(page.images, await mirror.draw(), lease);
    await mirror.advance({ fullSync: { ticket, beganAt: null, hidden: false, after: page.next! } }, lease);
    await mirror.release(lease);
    source.change(one.id, { tags: ['changed'], updatedAt: new Date('2026-01-01T00:00:00Z') });
    const itsLease = await former.acquire();
    await former.apply([source.images.get(one.id)!], await mirror.draw(), itsLease);
    await former.release(itsLease);
    await filled();
    expect(await differences()).toEqual([]);
  }, 30_000);
});

it('keeps an image whose id has capitals, where the source finds it by no other spelling', async () => {
  const id = 'abcdef01-0000-4000-8000-00000000000a';
  const shownId = id.toUpperCase();
  const capitals = add({ id, shownId, visibility: 'shared' });
  source.share(id, 'b', 'accepted');
  const { image, members } = source;
  source.image = async (spelled) => (spelled === shownId ? image.call(source, id) : undefined);
  source.members = async (spelled) => (spelled === shownId ? members.call(source, id) : undefined);
  await filled();
  await until(async () => (await mirror.membersStaleness()).unread === 0);
  source.unlisted.add(id);
  const { value } = await full.image(id, OWNER, { fresh: true });
  expect(value).toMatchObject({ id, shownId, tags: capitals.tags });
  expect([...value.members.keys()]).toEqual(['b']);
  await end();
  await filled();
  await until(() => syncs === 2);
  expect((await full.image(shownId, OWNER)).value.shownId).toBe(shownId);
}, 30_000);
