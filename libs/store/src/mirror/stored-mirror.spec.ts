import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ImageNotFound, LeaseLost, type MemberStatus, type SourceImage } from '@glimpse/domain';
import { membersOf, sourceImageOf } from '@glimpse/domain/testing';
import pg from 'pg';
import { StoredImageReader } from '../images/stored-image-reader.js';
import { openDatabase, type Database } from '../connection/database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { migrate } from '../migrations/migrate.js';
import { LOCK_MIRRORED, APPLY_MEMBERS } from './statements.js';
import { StoredMirror } from './stored-mirror.js';

let server: TemporaryDatabase;
let database: Database;
let reader: StoredImageReader;
let mirror: StoredMirror;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 5 });
  reader = new StoredImageReader(database);
  mirror = new StoredMirror(database);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);
beforeEach(async () => {
  await database.pool.query('TRUNCATE images CASCADE');
  await database.pool.query(`UPDATE follower SET ends_at = '-infinity', walk = NULL, changed_until = NULL`);
});

const ADMIN = { project: null, admin: true };

function image(over: Partial<SourceImage> = {}): SourceImage {
  return sourceImageOf({
    id: randomUUID(),
    visibility: 'private',
    owner: 'a',
    properties: { os: 'linux' },
    updatedAt: new Date('2026-01-02T00:00:00Z'),
    ...over,
  });
}

const read = (id: string) => reader.imageToChange(id, ADMIN);
const members = (entries: Record<string, MemberStatus>) => membersOf(entries);

describe('an answer of the source', () => {
  it('is applied', async () => {
    const one = image();
    expect(await mirror.apply([one], await mirror.draw())).toMatchObject({ added: [one.id], changed: [] });
    expect(await read(one.id)).toMatchObject({ name: 'cirros', owner: 'a', properties: { os: 'linux' } });
  });

  it('replaces one that was requested earlier, whichever came first', async () => {
    const one = image();
    const [early, late] = [await mirror.draw(), await mirror.draw()];
    await mirror.apply([{ ...one, name: 'late' }], late);
    expect(await mirror.apply([{ ...one, name: 'early' }], early)).toMatchObject({ added: [], changed: [] });
    expect((await read(one.id)).name).toBe('late');
    await mirror.apply([{ ...one, name: 'later still' }], await mirror.draw());
    expect((await read(one.id)).name).toBe('later still');
  });

  it('without a difference changes no version, sends no notification, and still outdates earlier requests', async () => {
    const one = image();
    await mirror.apply([one], await mirror.draw());
    const { version } = await read(one.id);
    const listener = new pg.Client({ connectionString: server.url });
    await listener.connect();
    const received: (string | undefined)[] = [];
    listener.on('notification', ({ payload }) => received.push(payload));
    await listener.query('LISTEN glimpse_images');

    const [early, late] = [await mirror.draw(), await mirror.draw()];
    expect(await mirror.apply([one], late)).toMatchObject({ added: [], changed: [] });
    await mirror.apply([{ ...one, name: 'early' }], early);
    await listener.query('SELECT 1');
    expect((await read(one.id)).version).toBe(version);
    expect(received).toEqual([]);

    await mirror.apply([{ ...one, name: 'new' }], await mirror.draw());
    await listener.query('SELECT 1');
    expect(received).toEqual([one.id]);
    await listener.end();
  });

  it('brings a deleted image back', async () => {
    const one = image();
    await mirror.apply([one], await mirror.draw());
    await mirror.remove([one.id], await mirror.draw());
    await expect(read(one.id)).rejects.toThrow(ImageNotFound);
    expect(await mirror.apply([one], await mirror.draw())).toMatchObject({ added: [], changed: [one.id] });
    expect((await read(one.id)).status).toBe('active');
  });

  it('that was requested before a deletion does not', async () => {
    const one = image();
    await mirror.apply([one], await mirror.draw());
    const before = await mirror.draw();
    expect(await mirror.remove([one.id], await mirror.draw())).toEqual([one.id]);
    await mirror.apply([{ ...one, name: 'before' }], before);
    await expect(read(one.id)).rejects.toThrow(ImageNotFound);
  });

  it('about members replaces those that there were, unless it is the older one', async () => {
    const one = image({ visibility: 'shared' });
    await mirror.apply([one], await mirror.draw());
    const [early, late] = [await mirror.draw(), await mirror.draw()];
    const of = (entries: Record<string, MemberStatus>) => [{ imageId: one.id, members: members(entries) }];
    expect(await mirror.applyMembers(of({ b: 'pending', c: 'accepted' }), late)).toEqual([one.id]);
    expect(await mirror.applyMembers(of({ d: 'pending' }), early)).toEqual([]);
    expect((await read(one.id)).members).toEqual(members({ b: 'pending', c: 'accepted' }));
    expect(await mirror.applyMembers(of({ b: 'accepted' }), await mirror.draw())).toEqual([one.id]);
    expect((await read(one.id)).members).toEqual(members({ b: 'accepted' }));
  });

  it('about members sees what a writer has just put there that it waited for', async () => {
    const one = image({ visibility: 'shared' });
    await mirror.apply([one], await mirror.draw());
    const [early, late] = [await mirror.draw(), await mirror.draw()];
    const client = await database.pool.connect();
    await client.query('BEGIN');
    await client.query(LOCK_MIRRORED, [[one.id]]);
    const withdrawn = mirror.applyMembers([{ imageId: one.id, members: members({}) }], late);
    await sleep(200);
    await client.query(APPLY_MEMBERS, [
      null,
      early.number,
      JSON.stringify([{ image_id: one.id, members: [{ member: 'b', status: 'accepted' }] }]),
      early.drawnAt,
    ]);
    await client.query('COMMIT');
    client.release();
    expect(await withdrawn).toEqual([one.id]);
    expect((await read(one.id)).members).toEqual(members({}));
  });

  it('about the members of an image that is not there is left', async () => {
    const unknown = [{ imageId: randomUUID(), members: members({ b: 'accepted' }) }];
    expect(await mirror.applyMembers(unknown, await mirror.draw())).toEqual([]);
  });
});

describe('the members that are due', () => {
  it('are those of shared images, the longest unread first', async () => {
    const [first, second, other] = [
      image({ visibility: 'shared' }),
      image({ visibility: 'shared' }),
      image(),
    ];
    await mirror.apply([first, second, other], await mirror.draw());
    const due = (kind: 'unread' | 'some' | 'none') => mirror.membersDue({ kind, age: 0, limit: 10 });
    expect([...(await due('unread'))].sort()).toEqual([first.id, second.id].sort());
    await mirror.applyMembers(
      [{ imageId: second.id, members: members({ b: 'pending' }) }],
      await mirror.draw(),
    );
    await mirror.applyMembers([{ imageId: first.id, members: members({}) }], await mirror.draw());
    expect([await due('unread'), await due('some'), await due('none')]).toEqual([
      [],
      [second.id],
      [first.id],
    ]);
    expect(await mirror.membersDue({ kind: 'some', age: 60, limit: 10 })).toEqual([]);
  });

  it('are those again of an image that was not shared for a while', async () => {
    const one = image({ visibility: 'shared' });
    await mirror.apply([one], await mirror.draw());
    await mirror.applyMembers([{ imageId: one.id, members: members({}) }], await mirror.draw());
    await mirror.apply([{ ...one, visibility: 'private' }], await mirror.draw());
    await mirror.apply([one], await mirror.draw());
    expect(await mirror.membersDue({ kind: 'unread', age: 0, limit: 10 })).toEqual([one.id]);
  });
});

describe('an image that a full sync did not name', () => {
  it('is what existed before it began and no response named since', async () => {
    const [named, unnamed, later, deleted] = [image(), image(), image(), image()];
    await mirror.apply([named, unnamed, deleted], await mirror.draw());
    await mirror.remove([deleted.id], await mirror.draw());
    const { number } = await mirror.draw();
    await mirror.apply([named, later], await mirror.draw());
    expect(await mirror.unnamedSince(number, 10)).toEqual([unnamed.id]);
    expect(await mirror.unnamedSince(number, 10, unnamed.id)).toEqual([]);
    expect([await mirror.countUnnamedSince(number), await mirror.count()]).toEqual([1, 3]);
  });
});

describe('the right to follow', () => {
  const end = () => database.pool.query(`UPDATE follower SET ends_at = clock_timestamp() - interval '1 ms'`);

  it('is given to one at a time, to the next when it is over or given back', async () => {
    const first = await mirror.acquire('one');
    expect(first).toBeDefined();
    expect(await mirror.acquire('two')).toBeUndefined();
    await end();
    const second = await mirror.acquire('two');
    expect(second!.number).toBeGreaterThan(first!.number);
    await expect(mirror.renew(first!)).rejects.toThrow(LeaseLost);
    await mirror.renew(second!);
    await mirror.release(first!);
    expect(await mirror.acquire('three')).toBeUndefined();
    await mirror.release(second!);
    expect(await mirror.acquire('three')).toBeDefined();
  });

  it('lets no holder write that has lost it', async () => {
    const lost = (await mirror.acquire('one'))!;
    const one = image({ visibility: 'shared' });
    await mirror.apply([one], await mirror.draw(), lost);
    await end();
    const write = [
      async () => mirror.apply([{ ...one, name: 'late' }], await mirror.draw(), lost),
      async () =>
        mirror.applyMembers(
          [{ imageId: one.id, members: members({ b: 'pending' }) }],
          await mirror.draw(),
          lost,
        ),
      async () => mirror.remove([one.id], await mirror.draw(), lost),
      async () => mirror.advance({ fullSyncAt: new Date() }, lost),
      async () => mirror.renew(lost),
    ];
    for (const attempt of write) await expect(attempt()).rejects.toThrow(LeaseLost);
    expect(await read(one.id)).toMatchObject({ name: 'cirros', members: new Map() });
  });

  it('makes a successor wait until a write under it is done', async () => {
    const lease = (await mirror.acquire('one'))!;
    await end();
    const client = await database.pool.connect();
    await client.query('BEGIN');
    await client.query('SELECT FROM follower WHERE lease = $1 FOR SHARE', [lease.number]);
    const next = mirror.acquire('two');
    expect(await Promise.race([next, sleep(300, 'waits')])).toBe('waits');
    await client.query('COMMIT');
    client.release();
    expect((await next)!.number).toBeGreaterThan(lease.number);
  }, 15_000);

  it('keeps how far its holder came', async () => {
    const lease = (await mirror.acquire('one'))!;
    const progress = {
      changedUntil: new Date('2026-01-02T03:04:05Z'),
      incrementalSyncAt: new Date('2026-01-02T03:04:06.789Z'),
      fullSync: {
        ticket: 2n ** 60n,
        beganAt: new Date('2026-01-01T01:02:03.456Z'),
        hidden: true,
        after: { createdAt: new Date('2026-01-01T00:00:00Z'), id: randomUUID() },
      },
      fullSyncAt: new Date('2026-01-02T00:00:00Z'),
      attributesFilledAt: new Date('2026-01-02T00:00:00Z'),
      refusedRemovals: 7,
      acceptsRemovals: true,
    };
    await mirror.advance(progress, lease);
    expect(await mirror.progress()).toEqual({ holder: 'one', ...progress });
    await mirror.advance({ fullSync: null, acceptsRemovals: false }, lease);
    expect(await mirror.progress()).toMatchObject({ ...progress, fullSync: null, acceptsRemovals: false });
    await mirror.release(lease);
    expect((await mirror.progress()).holder).toBeNull();
  });
});

describe('the sync status', () => {
  it('has the age by the clock of the database, and is complete once a full sync has ended', async () => {
    await database.pool.query(
      'UPDATE follower SET looked_at = NULL, walked_at = NULL, attributes_filled_at = NULL',
    );
    expect(await mirror.syncStatus()).toEqual({
      complete: false,
      attributesFilled: false,
      age: Infinity,
      pending: [],
    });
    await database.pool.query(
      `UPDATE follower SET looked_at = clock_timestamp() - interval '1 h', walked_at = now()`,
    );
    const { complete, age } = await mirror.syncStatus();
    expect(complete).toBe(true);
    expect(Math.floor(age / 60)).toBe(60);
  });
});

describe('a change of an image at the source', () => {
  it('is made by one at a time', async () => {
    const id = randomUUID();
    let running = 0;
    const most: number[] = [];
    const change = async (): Promise<void> => {
      most.push(++running);
      await sleep(20);
      running--;
    };
    await Promise.all(Array.from({ length: 5 }, () => mirror.withChangeLease(id, change)));
    expect(most).toEqual([1, 1, 1, 1, 1]);
  }, 15_000);

  it('lets the next begin when it fails', async () => {
    const id = randomUUID();
    const failing = mirror.withChangeLease(id, () => Promise.reject(new Error('no')));
    await expect(failing).rejects.toThrow('no');
    expect(await mirror.withChangeLease(id, async (end) => end.aborted)).toBe(false);
  });

  it('does not wait for those of another image', async () => {
    const result = mirror.withChangeLease(randomUUID(), () =>
      mirror.withChangeLease(randomUUID(), async () => 'inner'),
    );
    expect(await result).toBe('inner');
  });
});
