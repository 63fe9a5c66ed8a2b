import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  CatalogueUnavailable,
  ChangeConflict,
  ChangeRefused,
  ImageNotFound,
  ImageProtected,
  QuotaExceeded,
  SourceUnavailable,
  VersionLost,
  type Catalogue,
  type PropertyChange,
} from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import type { SourcePage } from '@glimpse/plugins';
import {
  StoredMirror,
  StoredPendingChanges,
  storedCatalogue,
  migrate,
  openDatabase,
  type Database,
} from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import {
  DueChanges,
  Follower,
  MirroredChanges,
  SyncStatusReader,
  MirroredImageReader,
  MirroredImageWriter,
  StalenessCatalogue,
  compareCatalogues,
} from './index.js';
import type { ResponseEffect } from './changes/settle-image.js';
import { FakeSource, PAGE } from './testing/fake-source.js';

let server: TemporaryDatabase;
let database: Database;
let stored: Catalogue;
let mirror: StoredMirror;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 20 });
  stored = storedCatalogue(database);
  mirror = new StoredMirror(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

const ADMIN = { project: 'admin', admin: true };
const OWNER = { project: 'a', admin: false };
const OTHER = { project: 'b', admin: false };
const CRITERIA = { limit: 1000 };

let source: FakeSource;
let observed: { name: string; known: object }[];
let stop: AbortController;
let followers: Promise<void>[];
beforeEach(async () => {
  await database.pool.query('TRUNCATE images, follower, change_leases, pending_changes CASCADE');
  await database.pool.query('INSERT INTO follower DEFAULT VALUES');
  source = new FakeSource();
  observed = [];
  stop = new AbortController();
  followers = [];
});
afterEach(async () => {
  stop.abort();
  await Promise.all(followers);
});

const observe = (name: string, known: object): void => void observed.push({ name, known });
const was = (name: string) => observed.filter((observation) => observation.name === name).length;

function follow({
  round = 0.1,
  signal = stop.signal,
}: { round?: number; signal?: AbortSignal } = {}): Promise<void> {
  const follower = new Follower({
    source,
    mirror,
    pending: new StoredPendingChanges(database),
    observe,
    holder: 'test',
    interval: 0.05,
    overlap: 10,
    round,
  });
  const running = follower.run(signal);
  followers.push(running);
  return running;
}

const fullSyncs = (count: number) => until(() => was('full-sync-ended') >= count);
const listed = async (viewer = ADMIN) =>
  (await stored.lister.images(CRITERIA, viewer)).value.images.map(({ id }) => id).sort();
const differences = async () => {
  const found: string[] = [];
  for await (const difference of compareCatalogues(source, mirror)) found.push(difference);
  return found;
};

describe('a follower', () => {
  it('applies all images and their members, and then changes', async () => {
    const images = Array.from({ length: 3 * PAGE + 1 }, () => source.add());
    const shared = source.add({ visibility: 'shared' });
    source.share(shared.id, 'b', 'accepted');
    const hidden = source.add({ hidden: true });
    void follow();
    await fullSyncs(1);
    await until(async () => (await differences()).length === 0);
    expect(await listed()).toEqual([...images, shared].map(({ id }) => id).sort());
    expect(await listed(OTHER)).toEqual([shared.id]);
    expect(await mirror.syncStatus()).toMatchObject({ complete: true });

    source.change(images[0]!.id, { name: 'renamed', properties: { a: 'b' } });
    source.change(hidden.id, { hidden: false });
    const late = source.add();
    await until(async () => (await listed()).includes(late.id));
    await until(async () => (await differences()).length === 0);
    expect(await listed()).toContain(hidden.id);
  }, 30_000);

  it('reads the members of an image that changed in a full sync, before any incremental sync', async () => {
    const shared = source.add({ visibility: 'shared', updatedAt: new Date('2026-01-01T00:00:00Z') });
    source.add();
    const first = new AbortController();
    const ended = follow({ round: 100, signal: first.signal });
    await fullSyncs(1);
    await until(async () => (await mirror.membersStaleness()).unread === 0);
    first.abort();
    await ended;
    // At a time before that of any incremental sync; and members are due much later.
    source.change(shared.id, { name: 'renamed', updatedAt: new Date('2026-01-01T00:00:01Z') });
    source.share(shared.id, 'b', 'accepted');
    void follow({ round: 100 });
    await until(async () => (await listed(OTHER)).length === 1);
  }, 30_000);

  it('sees that a share was withdrawn, though the image does not change by it', async () => {
    const shared = source.add({ visibility: 'shared' });
    source.share(shared.id, 'b', 'accepted');
    void follow();
    await until(async () => (await listed(OTHER)).length === 1);
    source.shares.delete(shared.id);
    await until(async () => (await listed(OTHER)).length === 0);
  }, 30_000);

  it('removes what no full sync lists and the source does not have, and nothing that it has', async () => {
    const [stays, goes, unlisted] = [source.add(), source.add(), source.add()];
    void follow();
    await fullSyncs(1);
    source.images.delete(goes.id);
    source.unlisted.add(unlisted.id);
    await until(async () => (await listed()).length === 2);
    await fullSyncs(was('full-sync-ended') + 2);
    expect(await listed()).toEqual([stays.id, unlisted.id].sort());
    source.images.set(goes.id, goes);
    await until(async () => (await listed()).includes(goes.id));
  }, 30_000);

  it('removes nothing while the source does not show it everything, and reports that', async () => {
    const [first, second] = [source.add(), source.add()];
    void follow();
    await fullSyncs(1);
    source.blind = 'its user lacks the role admin';
    source.images.delete(second.id);
    await until(() => was('source-unavailable') > 0);
    await sleep(500);
    expect(await listed()).toEqual([first.id, second.id].sort());
    expect(observed).toContainEqual({
      name: 'source-unavailable',
      known: { reason: 'its user lacks the role admin' },
    });
    source.blind = undefined;
    await until(async () => (await listed()).length === 1);
  }, 30_000);

  it('removes all that the source confirms as gone, however many, and no more', async () => {
    const images = Array.from({ length: 250 }, () => source.add());
    void follow();
    await fullSyncs(1);
    for (const { id } of images.slice(0, 130)) source.images.delete(id);
    for (const { id } of images.slice(130, 140)) source.unlisted.add(id);
    await until(async () => (await mirror.count()) === 120);
    expect(await listed()).toEqual(
      images
        .slice(130)
        .map(({ id }) => id)
        .sort(),
    );
    expect(observed).toContainEqual({ name: 'removals-many', known: { count: 140, of: 250 } });
    expect((await mirror.progress()).refusedRemovals).toBe(0);
  }, 60_000);

  it('leaves the source most of its time where it removes many', async () => {
    const images = Array.from({ length: 150 }, () => source.add());
    void follow();
    await fullSyncs(1);
    const times: number[] = [];
    source.meanwhile = async (call) => {
      if (call !== 'image') return;
      times.push(performance.now());
      await sleep(5);
    };
    for (const { id } of images.slice(0, 120)) source.images.delete(id);
    await until(async () => (await mirror.count()) === 30, 30_000);
    const gaps = times.slice(1).map((time, at) => time - times[at]!);
    const median = (some: number[]): number => some.sort((one, other) => one - other)[some.length >> 1]!;
    // The first hundred are confirmed as fast as it responds; the others use a tenth of its time.
    expect(median(gaps.slice(100, 119))).toBeGreaterThan(4 * median(gaps.slice(0, 99)));
  }, 60_000);

  it('keeps what the source does not confirm as gone, removes the rest, and both when that is accepted', async () => {
    const images = Array.from({ length: 10 }, () => source.add());
    void follow();
    await fullSyncs(1);
    const [first, second, third] = images.map(({ id }) => id);
    for (const id of [first!, second!, third!]) source.images.delete(id);
    source.failing.add(first!).add(second!);
    await until(() => was('removals-refused') > 0);
    expect(await listed()).toEqual(
      images
        .map(({ id }) => id)
        .filter((id) => id !== third)
        .sort(),
    );
    expect((await mirror.progress()).refusedRemovals).toBe(2);
    await mirror.acceptRemovals();
    await until(async () => (await mirror.count()) === 7);
    await until(async () => (await mirror.progress()).refusedRemovals === 0);
    expect((await mirror.progress()).acceptsRemovals).toBe(false);
  }, 60_000);

  it('accepts no removal from a source that is away, whatever was accepted', async () => {
    const images = Array.from({ length: 8 }, () => source.add());
    void follow();
    await fullSyncs(1);
    await mirror.acceptRemovals();
    source.meanwhile = async (call) => {
      if (call === 'image') source.away = 'connection refused';
      if (source.away !== undefined) throw new SourceUnavailable(source.away);
    };
    for (const { id } of images) source.unlisted.add(id);
    await until(() => source.away !== undefined && was('source-unavailable') > 0);
    await sleep(500);
    expect(await listed()).toEqual(images.map(({ id }) => id).sort());
  }, 30_000);

  describe('of a source that is odd', () => {
    it('applies an image once that a page has twice, as it changed last', async () => {
      const [first] = [source.add(), source.add()];
      source.distort = (page) => ({
        ...page,
        images: [{ ...first!, name: 'late', updatedAt: new Date() }, ...page.images, ...page.images],
      });
      void follow();
      await fullSyncs(2);
      expect(await stored.reader.image(first!.id, ADMIN)).toMatchObject({ value: { name: 'late' } });
      expect(await mirror.count()).toBe(2);
    }, 30_000);

    it('goes on seeing what changes when an image has a time of change that is to come', async () => {
      const ahead = new Date(Date.now() + 3_600_000);
      source.add({ updatedAt: ahead });
      const { id } = source.add();
      void follow({ round: 1_000 });
      await fullSyncs(1);
      source.add({ updatedAt: ahead });
      await until(async () => (await mirror.count()) === 3);
      source.change(id, { name: 'renamed' });
      await until(async () => (await stored.reader.image(id, ADMIN)).value.name === 'renamed');
      expect((await mirror.progress()).changedUntil!.getTime()).toBeLessThanOrEqual(Date.now());
    }, 30_000);

    it('goes on seeing what changes when its clock is ahead of ours, or ours of its', async () => {
      const { id } = source.add();
      source.distort = (page) => ({ ...page, requestedAt: new Date(Date.now() - 3_600_000) });
      source.add({ updatedAt: new Date(Date.now() - 10_000) });
      void follow({ round: 1_000 });
      await fullSyncs(1);
      source.change(id, { name: 'renamed', updatedAt: new Date(Date.now() - 3_600_000) });
      await until(async () => (await stored.reader.image(id, ADMIN)).value.name === 'renamed');
    }, 30_000);

    it('sees what was passed over since an older release noted a time that is to come', async () => {
      const { id } = source.add({ updatedAt: new Date('2026-01-01T00:00:00Z') });
      const first = new AbortController();
      const ended = follow({ round: 1_000, signal: first.signal });
      await fullSyncs(1);
      first.abort();
      await ended;
      await database.pool.query(`UPDATE follower SET changed_until = now() + interval '1 hour'`);
      source.change(id, { name: 'renamed', updatedAt: new Date('2026-01-01T00:00:01Z') });
      void follow({ round: 1_000 });
      await until(async () => (await stored.reader.image(id, ADMIN)).value.name === 'renamed');
      await until(async () => (await mirror.progress()).changedUntil!.getTime() <= Date.now());
    }, 30_000);

    it.each([1, 3])(
      'gives up on a list that goes round in a loop of %i pages, and is never complete by it',
      async (pages) => {
        Array.from({ length: pages * PAGE }, () => source.add());
        const places: SourcePage['next'][] = [];
        source.distort = (page) => {
          places.push(page.images.at(-1));
          return page.next ? page : { ...page, next: places[0] ?? page.images.at(-1) };
        };
        void follow();
        await until(() => was('source-unavailable') > 0);
        expect(observed.find(({ name }) => name === 'source-unavailable')!.known).toEqual({
          reason: 'its list of images does not advance: a page leads back to one before',
        });
        expect(await mirror.syncStatus()).toMatchObject({ complete: false, age: Infinity });
        expect(was('source-unavailable')).toBe(1);
        source.distort = (page) => page;
        await fullSyncs(1);
        await until(async () => (await mirror.syncStatus()).age < 5);
      },
      30_000,
    );

    it('leaves out what the catalogue cannot hold, stops serving what it had of it, and has it again when it can', async () => {
      const [kept, bad, refused] = [source.add(), source.add(), source.add()];
      void follow();
      await fullSyncs(1);
      source.distort = (page) => ({
        ...page,
        images: page.images
          .filter(({ id }) => id !== bad!.id)
          .map((image) => (image.id === refused!.id ? { ...image, name: 'a\0' } : image)),
        bad: ['image x: its name is no text'],
        badIds: [bad!.id],
      });
      await until(async () => (await listed()).length === 1);
      expect(await listed()).toEqual([kept!.id]);
      expect(observed).toContainEqual({
        name: 'source-image-bad',
        known: { problem: expect.stringContaining(`image ${refused!.id}: unsupported Unicode`) },
      });
      await until(() => was('source-left-out') > 1);
      source.distort = (page) => page;
      await until(async () => (await listed()).length === 3);
    }, 30_000);

    it('lets an image whose members cannot be read keep no other from theirs, and shows it to its owner only', async () => {
      const [good, bad, away] = Array.from({ length: 3 }, () => source.add({ visibility: 'shared' }));
      for (const { id } of [good!, bad!, away!]) source.share(id, 'b', 'accepted');
      void follow();
      await until(async () => (await listed(OTHER)).length === 3);
      source.failing.add(away!.id);
      source.badMembers.add(bad!.id);
      source.shares.delete(good!.id);
      await until(async () => (await listed(OTHER)).length === 1);
      expect(await listed(OTHER)).toEqual([away!.id]);
      await until(async () => (await mirror.syncStatus()).age < 5);
    }, 30_000);

    it('begins again after a mistake of ours', async () => {
      const { id } = source.add();
      let mistakes = 3;
      source.distort = (page) => {
        if (mistakes-- > 0) throw new RangeError('Maximum call stack size exceeded');
        return page;
      };
      void follow();
      await fullSyncs(1);
      expect(await listed()).toEqual([id]);
      expect(was('follower-failed')).toBe(3);
    }, 30_000);
  });

  it('goes on by itself when the source was away', async () => {
    source.add();
    source.away = 'connection refused';
    void follow();
    await until(() => was('source-unavailable') === 1);
    expect(await mirror.syncStatus()).toMatchObject({ complete: false });
    source.away = undefined;
    await fullSyncs(1);
    source.away = 'connection refused';
    await sleep(200);
    source.away = undefined;
    const late = source.add();
    await until(async () => (await listed()).includes(late.id));
  }, 30_000);

  it('goes on where another came to, and writes nothing when it wakes late', async () => {
    const images = Array.from({ length: 4 * PAGE }, () => source.add({ name: 'old' }));
    let pages = 0;
    let wake = (): void => undefined;
    const asleep = new Promise<void>((resolve) => {
      source.meanwhile = async (call) => {
        // The third page of the first one arrives when it has long been over.
        if (call === 'page' && ++pages === 3) {
          resolve();
          await new Promise<void>((go) => (wake = go));
        }
      };
    });
    const first = new AbortController();
    const sleeping = follow({ signal: first.signal });
    await asleep;
    await database.pool.query(`UPDATE follower SET lease = lease + 1, ends_at = '-infinity'`);
    for (const { id } of images) source.change(id, { name: 'new' });
    void follow();
    await fullSyncs(1);
    await until(async () => (await differences()).length === 0);
    first.abort();
    wake();
    await sleeping;
    expect(await differences()).toEqual([]);
    expect((await stored.lister.images(CRITERIA, ADMIN)).value.images.map(({ name }) => name)).toEqual(
      images.map(() => 'new'),
    );
  }, 30_000);
});

describe('the catalogue in front of a source', () => {
  let reader: MirroredImageReader;
  let writer: MirroredImageWriter;
  beforeEach(() => {
    const pending = new StoredPendingChanges(database);
    const parts = { reader: stored.reader, mirror, pending, source, observe };
    const effectOf = (): ResponseEffect => ({ kind: 'unknown' });
    const options = { ...parts, changes: new MirroredChanges({ ...parts, due: new DueChanges(), effectOf }) };
    reader = new MirroredImageReader({ ...options, concurrentFetches: 8 });
    writer = new MirroredImageWriter(options);
  });
  const parts = () => ({ reader, current: reader, lister: stored.lister });
  const read = async (id: string, viewer = OWNER, options = {}) =>
    (await reader.image(id, viewer, options)).value;

  it('fetches what it lacks, for every caller who may see it', async () => {
    const image = source.add({ visibility: 'shared' });
    source.share(image.id, 'b', 'pending');
    expect(await read(image.id, OTHER)).toMatchObject({
      id: image.id,
      members: new Map([['b', expect.objectContaining({ status: 'pending' })]]),
    });
    expect(await read(image.id.toUpperCase())).toMatchObject({ id: image.id });
    await expect(read(image.id, { project: 'c', admin: false })).rejects.toThrow(ImageNotFound);
    expect(source.calls['image']).toBe(1);
  });

  it('fetches an id that does not exist once a second, for all callers', async () => {
    const id = randomUUID();
    const answers = await Promise.allSettled([...Array(20)].map((_, at) => read(id, at % 2 ? OWNER : OTHER)));
    await expect(read(id)).rejects.toThrow(ImageNotFound);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 'rejected'));
    expect(source.calls['image']).toBe(1);
    await sleep(1_100);
    await expect(read(id)).rejects.toThrow(ImageNotFound);
    expect(source.calls['image']).toBe(2);
  });

  it('never reports an image as missing while the source is unavailable', async () => {
    source.away = 'connection refused';
    await expect(read(randomUUID())).rejects.toThrow(CatalogueUnavailable);
    source.away = undefined;
    source.blind = 'its user lacks the role admin';
    await expect(read(randomUUID())).rejects.toThrow(CatalogueUnavailable);
    source.blind = undefined;
    await expect(read(randomUUID())).rejects.toThrow(ImageNotFound);
  });

  it('lets one project that makes up ids keep no other from its images', async () => {
    const image = source.add({ owner: 'b' });
    source.meanwhile = () => sleep(100);
    const flood = Array.from({ length: 100 }, () => read(randomUUID()).catch((error: unknown) => error));
    expect(await read(image.id, OTHER)).toMatchObject({ id: image.id });
    const failures = await Promise.all(flood);
    expect(failures.filter((error) => error instanceof CatalogueUnavailable)).toHaveLength(98);
    expect(failures.filter((error) => error instanceof ImageNotFound)).toHaveLength(2);
  });

  it('fetches again with no-cache', async () => {
    const image = source.add();
    await read(image.id);
    source.change(image.id, { name: 'renamed' });
    expect(await read(image.id)).toMatchObject({ name: 'cirros' });
    expect(await read(image.id, OWNER, { fresh: true })).toMatchObject({ name: 'renamed' });
    expect(await read(image.id)).toMatchObject({ name: 'renamed' });
  });

  it('removes for all callers what a read with no-cache finds to be gone', async () => {
    const [gone, blind] = [source.add(), source.add()];
    await read(gone.id);
    await read(blind.id);
    source.images.delete(gone.id);
    source.images.delete(blind.id);
    expect(await read(gone.id)).toMatchObject({ id: gone.id });
    await expect(read(gone.id, OWNER, { fresh: true })).rejects.toThrow(ImageNotFound);
    await expect(read(gone.id)).rejects.toThrow(ImageNotFound);
    await expect(stored.reader.image(gone.id, ADMIN)).rejects.toThrow(ImageNotFound);
    source.blind = 'its user lacks the role admin';
    await expect(read(blind.id, OWNER, { fresh: true })).rejects.toThrow(CatalogueUnavailable);
    expect(await read(blind.id)).toMatchObject({ id: blind.id });
  });

  it('has nothing of an image that the source has and no catalogue can hold', async () => {
    const image = source.add();
    await read(image.id);
    source.change(image.id, { name: 'a\0' });
    await expect(read(image.id, OWNER, { fresh: true })).rejects.toThrow(SourceUnavailable);
    await expect(stored.reader.image(image.id, ADMIN)).rejects.toThrow(ImageNotFound);
  });

  describe('for an image of another project', () => {
    let dated: StalenessCatalogue;
    beforeEach(() => {
      const syncStatus = new SyncStatusReader(mirror, () => 0);
      syncStatus.update({ complete: true, attributesFilled: true, age: 0, pending: [] }, 0);
      dated = new StalenessCatalogue(parts(), syncStatus, 3600, (id, project) =>
        reader.onHidden(id, project),
      );
    });

    it('sends the same request as for one that does not exist, once a second', async () => {
      const { id } = source.add();
      await read(id);
      source.calls['image'] = 0;
      for (const hidden of [id, randomUUID()]) {
        for (const requested of [dated.image(hidden, OTHER), dated.imageToChange(hidden, OTHER)]) {
          await expect(requested).rejects.toThrow(ImageNotFound);
        }
      }
      expect(source.calls['image']).toBe(2);
      expect((await dated.image(id, OWNER)).value).toMatchObject({ id });
    });

    it('has the same error as for one that does not exist while the source is unavailable', async () => {
      const { id } = source.add();
      await read(id);
      source.away = 'connection refused';
      for (const hidden of [id, randomUUID()]) {
        await expect(dated.image(hidden, OTHER)).rejects.toThrow(CatalogueUnavailable);
      }
    });

    it('needs the same time as for one that does not exist', async () => {
      source.meanwhile = (call) => sleep(call === 'image' ? 5 : 3);
      const images = Array.from({ length: 30 }, () => source.add({ visibility: 'shared' }));
      for (const { id } of images) await read(id);
      const times: { hidden: number[]; nowhere: number[] } = { hidden: [], nowhere: [] };
      for (const { id } of images) {
        for (const [kind, wanted] of [
          ['hidden', id],
          ['nowhere', randomUUID()],
        ] as const) {
          const began = performance.now();
          await expect(dated.image(wanted, OTHER)).rejects.toThrow(ImageNotFound);
          times[kind].push(performance.now() - began);
        }
      }
      const median = (values: number[]): number =>
        values.sort((one, other) => one - other)[values.length / 2]!;
      const ratio = median(times.hidden) / median(times.nowhere);
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    }, 30_000);
  });

  const merge = (properties: Record<string, string>): PropertyChange => ({ kind: 'merge', properties });

  it('makes changes at the source, and applies the result', async () => {
    const { id } = source.add({ properties: { kept: '1' } });
    const after = await writer.change(id, { properties: merge({ a: 'b' }) }, { token: 'owner' });
    expect(after).toEqual({ kept: '1', a: 'b' });
    expect((await read(id)).properties).toEqual({ kept: '1', a: 'b' });
    await writer.change(id, { properties: { kind: 'remove', key: 'kept' } }, { token: 'owner' });
    expect(source.images.get(id)!.properties).toEqual({ a: 'b' });
    expect((await read(id)).properties).toEqual({ a: 'b' });
    await writer.delete(id, { token: 'owner' });
    expect(source.images.has(id)).toBe(false);
    await expect(read(id)).rejects.toThrow(ImageNotFound);
  });

  it('keeps every key of changes that are made at once, though the source would lose some', async () => {
    const { id } = source.add();
    source.meanwhile = () => sleep(5 + Math.random() * 10);
    const keys = Array.from({ length: 12 }, (_, at) => `key-${at}`);
    await Promise.all(
      keys.map((key) => writer.change(id, { properties: merge({ [key]: '1' }) }, { token: 'owner' })),
    );
    expect(Object.keys(source.images.get(id)!.properties).sort()).toEqual([...keys].sort());
    expect(Object.keys((await read(id)).properties).sort()).toEqual([...keys].sort());
  }, 30_000);

  it('sends a change again that another client undid, and gives up in the end', async () => {
    const { id } = source.add();
    const changed = source.changeProperties.bind(source);
    let times = 2;
    source.changeProperties = async (...args) => {
      await changed(...args);
      if (times-- > 0) source.change(id, { properties: {} });
    };
    await writer.change(id, { properties: merge({ a: 'b' }) }, { token: 'owner' });
    expect(source.images.get(id)!.properties).toEqual({ a: 'b' });
    times = 100;
    await expect(writer.change(id, { properties: merge({ a: 'c' }) }, { token: 'owner' })).rejects.toThrow(
      ChangeConflict,
    );
  });

  it('leaves no trace of a change that the source refuses', async () => {
    const { id } = source.add();
    const before = await read(id);
    const refused = writer.change(id, { properties: merge({ a: 'b' }) }, { token: 'refused' });
    await expect(refused).rejects.toThrow(ChangeRefused);
    expect(await read(id)).toEqual(before);
  });

  it('checks quota, version and protection on what the source has', async () => {
    const properties = Object.fromEntries(Array.from({ length: 128 }, (_, at) => [`key-${at}`, '1']));
    const { id } = source.add();
    const { version } = await read(id);
    source.change(id, { properties, protected: true });
    const change = (options: object) =>
      writer.change(id, { properties: merge({ a: 'b' }) }, { token: 'owner', ...options });
    await expect(change({})).rejects.toThrow(QuotaExceeded);
    await expect(writer.delete(id, { token: 'owner' })).rejects.toThrow(ImageProtected);
    source.change(id, { properties: {} });
    await expect(change({ version })).rejects.toThrow(VersionLost);
    expect(source.calls['changeProperties']).toBeUndefined();
  });

  it('knows what became of a change that got no answer', async () => {
    const { id } = source.add();
    const changed = source.changeProperties.bind(source);
    source.changeProperties = async (...args) => {
      await changed(...args);
      throw new SourceUnavailable('it does not answer in time');
    };
    const change = writer.change(id, { properties: merge({ a: 'b' }) }, { token: 'owner' });
    await expect(change).rejects.toThrow(CatalogueUnavailable);
    expect((await read(id)).properties).toEqual({ a: 'b' });
    const known = { id, reason: 'it does not answer in time' };
    expect(observed).toContainEqual({ name: 'source-change-failed', known });
  });

  describe('while the source is away', () => {
    let now = 0;
    let dated: StalenessCatalogue;
    const sync = (age: number, complete = true) =>
      syncStatus.update({ complete, attributesFilled: complete, age, pending: [] }, now);
    let syncStatus: SyncStatusReader;
    beforeEach(() => {
      syncStatus = new SyncStatusReader(mirror, () => now);
      dated = new StalenessCatalogue(parts(), syncStatus, 3600);
    });

    it('serves what it has as fresh for a minute, then as a copy of that age, after the limit not at all', async () => {
      const { id } = source.add();
      await read(id);
      sync(59);
      expect(await dated.image(id, OWNER)).toMatchObject({ source: 'fresh' });
      expect(await dated.images(CRITERIA, OWNER)).toMatchObject({ source: 'fresh' });
      sync(61);
      expect(await dated.image(id, OWNER)).toMatchObject({ source: 'copy', age: 61 });
      expect(await dated.images(CRITERIA, OWNER)).toMatchObject({ source: 'copy', age: 61 });
      now += 1_000;
      expect(await dated.image(id, OWNER)).toMatchObject({ age: 62 });
      sync(3600);
      await expect(dated.image(id, OWNER)).rejects.toThrow(CatalogueUnavailable);
      await expect(dated.images(CRITERIA, OWNER)).rejects.toThrow(CatalogueUnavailable);
    });

    it('has no lists before the first full sync, and fetches each image', async () => {
      const { id } = source.add();
      sync(Infinity, false);
      await expect(dated.images(CRITERIA, OWNER)).rejects.toThrow(CatalogueUnavailable);
      expect(await dated.image(id, OWNER)).toMatchObject({ source: 'fresh', value: { id } });
      source.change(id, { name: 'renamed' });
      expect(await dated.image(id, OWNER)).toMatchObject({ value: { name: 'renamed' } });
    });

    it('serves a stale image with no-cache, too', async () => {
      const { id } = source.add();
      await read(id);
      source.away = 'connection refused';
      sync(61);
      expect(await dated.image(id, OWNER, { fresh: true })).toMatchObject({ source: 'copy', age: 61 });
    });
  });
});
