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
  type MemberStatus,
  type PropertyChange,
  type SourceImage,
  type SourceMembers,
} from '@glimpse/domain';
import { DatedCatalogue, Follower, LastLook, MirroredCatalogue, compareCatalogues } from '@glimpse/glance';
import type { ImageSource, SourcePage, SourceQuery } from '@glimpse/plugins';
import { StoredCatalogue, StoredMirror, migrate, openDatabase, type Database } from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';

const PAGE = 4;

/** A source in memory that does as Glance does: whole seconds, pages by creation, changes that lose one another. */
class FakeSource implements ImageSource {
  readonly url = 'http://glance.example.com';
  readonly images = new Map<string, SourceImage>();
  readonly shares = new Map<string, Map<string, MemberStatus>>();
  /** How often each call was made. */
  readonly calls: Record<string, number> = {};
  /** Why it cannot be asked. */
  away: string | undefined;
  blind: string | undefined;
  /** Ids that lists leave out. */
  readonly unlisted = new Set<string>();
  /** What happens before each answer is given. */
  meanwhile: (call: string) => Promise<void> = () => Promise.resolve();

  add(over: Partial<SourceImage> = {}): SourceImage {
    const image: SourceImage = {
      id: randomUUID(),
      name: 'cirros',
      status: 'active',
      visibility: 'private',
      hidden: false,
      owner: 'a',
      protected: false,
      size: 1,
      minDisk: 0,
      minRam: 0,
      properties: {},
      createdAt: new Date(Date.UTC(2026, 0, 1, 0, 0, this.images.size)),
      updatedAt: second(),
      deleted: false,
      ...over,
    };
    this.images.set(image.id, image);
    return image;
  }

  change(id: string, over: Partial<SourceImage>): void {
    this.images.set(id, { ...this.images.get(id)!, updatedAt: second(), ...over });
  }

  share(id: string, project: string, status: MemberStatus): void {
    this.shares.set(id, new Map(this.shares.get(id)).set(project, status));
  }

  blindness(): Promise<string | undefined> {
    return this.#answer('blindness', () => this.blind);
  }

  newestChange(): Promise<Date | undefined> {
    return this.#answer(
      'newestChange',
      () =>
        [...this.images.values()]
          .map(({ updatedAt }) => updatedAt)
          .sort((one, other) => Number(other) - Number(one))[0],
    );
  }

  page({ hidden, changedSince, after }: SourceQuery): Promise<SourcePage> {
    return this.#answer('page', () => {
      const images = [...this.images.values()]
        .filter((image) => image.hidden === hidden && !this.unlisted.has(image.id))
        .filter(({ updatedAt }) => !changedSince || updatedAt >= changedSince)
        .sort((one, other) => (order(one) < order(other) ? -1 : 1))
        .filter((image) => !after || order(image) > order(after));
      const page = images.slice(0, PAGE);
      return { images: page, bad: [], next: images.length > PAGE ? page.at(-1) : undefined };
    });
  }

  image(id: string): Promise<SourceImage | undefined> {
    return this.#answer('image', () => this.images.get(id));
  }

  members(imageId: string): Promise<SourceMembers | undefined> {
    return this.#answer('members', () =>
      this.images.has(imageId) ? { imageId, members: this.shares.get(imageId) ?? new Map() } : undefined,
    );
  }

  async changeProperties(id: string, change: PropertyChange, _before: object, token: string): Promise<void> {
    if (token === 'refused') throw new ChangeRefused('no');
    const { properties } = this.images.get(id)!;
    await this.#answer('changeProperties', () => undefined);
    const after = { ...properties, ...(change.kind === 'remove' ? {} : change.properties) };
    if (change.kind === 'remove') delete after[change.key];
    this.change(id, { properties: change.kind === 'replace' ? { ...change.properties } : after });
  }

  async deleteImage(id: string): Promise<void> {
    await this.#answer('deleteImage', () => this.images.delete(id));
  }

  /** What it has when it is asked is what is answered, however long that takes. */
  async #answer<T>(call: string, look: () => T): Promise<T> {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
    if (this.away !== undefined) throw new SourceUnavailable(this.away);
    const answer = look();
    await this.meanwhile(call);
    return answer;
  }
}

const second = (): Date => new Date(Math.floor(Date.now() / 1000) * 1000);
const order = ({ createdAt, id }: { createdAt: Date; id: string }): string => createdAt.toISOString() + id;

let server: TemporaryDatabase;
let database: Database;
let stored: StoredCatalogue;
let mirror: StoredMirror;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 20 });
  stored = new StoredCatalogue(database, () => undefined);
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
  await database.pool.query('TRUNCATE images, follower, change_leases CASCADE');
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

async function until(holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const end = Date.now() + 15_000; !(await holds()); await sleep(20)) {
    if (Date.now() > end) throw new Error('it never happened');
  }
}

const walks = (count: number) => until(() => was('source-walked') >= count);
const listed = async (viewer = ADMIN) =>
  (await stored.images(CRITERIA, viewer)).value.map(({ id }) => id).sort();
const differences = async () => {
  const found: string[] = [];
  for await (const difference of compareCatalogues(source, mirror)) found.push(difference);
  return found;
};

describe('a follower', () => {
  it('takes all images and their members, and then what changes', async () => {
    const images = Array.from({ length: 3 * PAGE + 1 }, () => source.add());
    const shared = source.add({ visibility: 'shared' });
    source.share(shared.id, 'b', 'accepted');
    const hidden = source.add({ hidden: true });
    void follow();
    await walks(1);
    await until(async () => (await differences()).length === 0);
    expect(await listed()).toEqual([...images, shared].map(({ id }) => id).sort());
    expect(await listed(OTHER)).toEqual([shared.id]);
    expect(await mirror.lastLook()).toMatchObject({ complete: true });

    source.change(images[0]!.id, { name: 'renamed', properties: { a: 'b' } });
    source.change(hidden.id, { hidden: false });
    const late = source.add();
    await until(async () => (await listed()).includes(late.id));
    await until(async () => (await differences()).length === 0);
    expect(await listed()).toContain(hidden.id);
  }, 30_000);

  it('reads the members of an image that a walk saw to have changed, before any look', async () => {
    const shared = source.add({ visibility: 'shared', updatedAt: new Date('2026-01-01T00:00:00Z') });
    source.add();
    const first = new AbortController();
    const ended = follow({ round: 100, signal: first.signal });
    await walks(1);
    await until(async () => (await mirror.membersStanding()).unread === 0);
    first.abort();
    await ended;
    // As of a time that no look reaches back to; and it is long until members are due.
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

  it('removes what no walk names and the source does not have, and nothing that it has', async () => {
    const [stays, goes, unlisted] = [source.add(), source.add(), source.add()];
    void follow();
    await walks(1);
    source.images.delete(goes.id);
    source.unlisted.add(unlisted.id);
    await until(async () => (await listed()).length === 2);
    await walks(was('source-walked') + 2);
    expect(await listed()).toEqual([stays.id, unlisted.id].sort());
    source.images.set(goes.id, goes);
    await until(async () => (await listed()).includes(goes.id));
  }, 30_000);

  it('removes nothing while the source does not show it everything, and says so', async () => {
    const [first, second] = [source.add(), source.add()];
    void follow();
    await walks(1);
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

  it('believes that many images are gone at once only when somebody says so', async () => {
    const images = Array.from({ length: 150 }, () => source.add());
    void follow();
    await walks(1);
    for (const { id } of images.slice(0, 101)) source.images.delete(id);
    await until(() => was('removals-refused') > 0);
    expect(await mirror.count()).toBe(150);
    expect((await mirror.progress()).refusedRemovals).toBe(101);
    await mirror.acceptRemovals();
    await until(async () => (await mirror.count()) === 49);
    await until(async () => (await mirror.progress()).refusedRemovals === 0);
    expect((await mirror.progress()).acceptsRemovals).toBe(false);
  }, 60_000);

  it('goes on by itself when the source was away', async () => {
    source.add();
    source.away = 'connection refused';
    void follow();
    await until(() => was('source-unavailable') === 1);
    expect(await mirror.lastLook()).toMatchObject({ complete: false });
    source.away = undefined;
    await walks(1);
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
    await walks(1);
    await until(async () => (await differences()).length === 0);
    first.abort();
    wake();
    await sleeping;
    expect(await differences()).toEqual([]);
    expect((await stored.images(CRITERIA, ADMIN)).value.map(({ name }) => name)).toEqual(
      images.map(() => 'new'),
    );
  }, 30_000);
});

describe('the catalogue in front of a source', () => {
  let catalogue: MirroredCatalogue;
  beforeEach(() => {
    catalogue = new MirroredCatalogue({ catalogue: stored, mirror, source, lookUps: 8, observe });
  });
  const read = async (id: string, viewer = OWNER, options = {}) =>
    (await catalogue.image(id, viewer, options)).value;

  it('finds what it lacks, for whoever may see it', async () => {
    const image = source.add({ visibility: 'shared' });
    source.share(image.id, 'b', 'pending');
    expect(await read(image.id, OTHER)).toMatchObject({ id: image.id, members: new Map([['b', 'pending']]) });
    expect(await read(image.id.toUpperCase())).toMatchObject({ id: image.id });
    await expect(read(image.id, { project: 'c', admin: false })).rejects.toThrow(ImageNotFound);
    expect(source.calls['image']).toBe(1);
  });

  it('asks about an id that there is not once a second, whoever wants it', async () => {
    const id = randomUUID();
    const answers = await Promise.allSettled([...Array(20)].map((_, at) => read(id, at % 2 ? OWNER : OTHER)));
    await expect(read(id)).rejects.toThrow(ImageNotFound);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 'rejected'));
    expect(source.calls['image']).toBe(1);
    await sleep(1_100);
    await expect(read(id)).rejects.toThrow(ImageNotFound);
    expect(source.calls['image']).toBe(2);
  });

  it('never says that an image is not there while the source cannot tell', async () => {
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

  it('asks anew when the reader wants no copy', async () => {
    const image = source.add();
    await read(image.id);
    source.change(image.id, { name: 'renamed' });
    expect(await read(image.id)).toMatchObject({ name: 'cirros' });
    expect(await read(image.id, OWNER, { fresh: true })).toMatchObject({ name: 'renamed' });
    expect(await read(image.id)).toMatchObject({ name: 'renamed' });
  });

  const merge = (properties: Record<string, string>): PropertyChange => ({ kind: 'merge', properties });

  it('makes changes at the source, and takes what comes of them', async () => {
    const { id } = source.add({ properties: { kept: '1' } });
    const after = await catalogue.changeProperties(id, merge({ a: 'b' }), { token: 'owner' });
    expect(after).toEqual({ kept: '1', a: 'b' });
    expect((await read(id)).properties).toEqual({ kept: '1', a: 'b' });
    await catalogue.changeProperties(id, { kind: 'remove', key: 'kept' }, { token: 'owner' });
    expect(source.images.get(id)!.properties).toEqual({ a: 'b' });
    expect((await read(id)).properties).toEqual({ a: 'b' });
    await catalogue.deleteImage(id, { token: 'owner' });
    expect(source.images.has(id)).toBe(false);
    await expect(read(id)).rejects.toThrow(ImageNotFound);
  });

  it('keeps every key of changes that are made at once, though the source would lose some', async () => {
    const { id } = source.add();
    source.meanwhile = () => sleep(5 + Math.random() * 10);
    const keys = Array.from({ length: 12 }, (_, at) => `key-${at}`);
    await Promise.all(
      keys.map((key) => catalogue.changeProperties(id, merge({ [key]: '1' }), { token: 'owner' })),
    );
    expect(Object.keys(source.images.get(id)!.properties).sort()).toEqual([...keys].sort());
    expect(Object.keys((await read(id)).properties).sort()).toEqual([...keys].sort());
  }, 30_000);

  it('sends a change again that somebody else undid, and gives up in the end', async () => {
    const { id } = source.add();
    const changed = source.changeProperties.bind(source);
    let times = 2;
    source.changeProperties = async (...args) => {
      await changed(...args);
      if (times-- > 0) source.change(id, { properties: {} });
    };
    await catalogue.changeProperties(id, merge({ a: 'b' }), { token: 'owner' });
    expect(source.images.get(id)!.properties).toEqual({ a: 'b' });
    times = 100;
    await expect(catalogue.changeProperties(id, merge({ a: 'c' }), { token: 'owner' })).rejects.toThrow(
      ChangeConflict,
    );
  });

  it('leaves no trace of a change that the source refuses', async () => {
    const { id } = source.add();
    const before = await read(id);
    const refused = catalogue.changeProperties(id, merge({ a: 'b' }), { token: 'refused' });
    await expect(refused).rejects.toThrow(ChangeRefused);
    expect(await read(id)).toEqual(before);
  });

  it('judges quota, version and protection on what the source has', async () => {
    const properties = Object.fromEntries(Array.from({ length: 128 }, (_, at) => [`key-${at}`, '1']));
    const { id } = source.add();
    const { version } = await read(id);
    source.change(id, { properties, protected: true });
    const change = (options: object) =>
      catalogue.changeProperties(id, merge({ a: 'b' }), { token: 'owner', ...options });
    await expect(change({})).rejects.toThrow(QuotaExceeded);
    await expect(catalogue.deleteImage(id, { token: 'owner' })).rejects.toThrow(ImageProtected);
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
    const change = catalogue.changeProperties(id, merge({ a: 'b' }), { token: 'owner' });
    await expect(change).rejects.toThrow(CatalogueUnavailable);
    expect((await read(id)).properties).toEqual({ a: 'b' });
    const known = { id, reason: 'it does not answer in time' };
    expect(observed).toContainEqual({ name: 'source-change-failed', known });
  });

  describe('while the source is away', () => {
    let now = 0;
    let dated: DatedCatalogue;
    const look = (age: number, complete = true) => lastLook.heard({ complete, age }, now);
    let lastLook: LastLook;
    beforeEach(() => {
      lastLook = new LastLook(mirror, () => now);
      dated = new DatedCatalogue(catalogue, undefined, lastLook, 3600);
    });

    it('serves what it has as fresh for a minute, then as a copy of that age, after the limit not at all', async () => {
      const { id } = source.add();
      await read(id);
      look(59);
      expect(await dated.image(id, OWNER)).toMatchObject({ source: 'fresh' });
      expect(await dated.images(CRITERIA, OWNER)).toMatchObject({ source: 'fresh' });
      look(61);
      expect(await dated.image(id, OWNER)).toMatchObject({ source: 'copy', age: 61 });
      expect(await dated.images(CRITERIA, OWNER)).toMatchObject({ source: 'copy', age: 61 });
      now += 1_000;
      expect(await dated.image(id, OWNER)).toMatchObject({ age: 62 });
      look(3600);
      await expect(dated.image(id, OWNER)).rejects.toThrow(CatalogueUnavailable);
      await expect(dated.images(CRITERIA, OWNER)).rejects.toThrow(CatalogueUnavailable);
    });

    it('has no lists before all images are there, and asks for each', async () => {
      const { id } = source.add();
      look(Infinity, false);
      await expect(dated.images(CRITERIA, OWNER)).rejects.toThrow(CatalogueUnavailable);
      expect(await dated.image(id, OWNER)).toMatchObject({ source: 'fresh', value: { id } });
      source.change(id, { name: 'renamed' });
      expect(await dated.image(id, OWNER)).toMatchObject({ value: { name: 'renamed' } });
    });

    it('serves what it has to whoever wants no copy, too', async () => {
      const { id } = source.add();
      await read(id);
      source.away = 'connection refused';
      look(61);
      expect(await dated.image(id, OWNER, { fresh: true })).toMatchObject({ source: 'copy', age: 61 });
    });
  });
});
