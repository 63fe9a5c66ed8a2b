import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  ImageNotFound,
  type Catalogue,
  type ImageLister,
  type Viewer,
} from '@glimpse/domain';
import { imageOf, membersOf, until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { storedCatalogue } from './catalogue.js';
import { openDatabase, type Database } from './connection/database.js';
import { openEmbedded, type EmbeddedDatabase } from './embedded/index.js';
import { migrate } from './migrations/migrate.js';

const OWNER: Viewer = { project: 'owner', admin: false };
const STRANGER: Viewer = { project: 'stranger', admin: false };
const ADMIN: Viewer = { project: 'admin', admin: true };

const PUBLIC = 'aaaaaaaa-0000-4000-8000-000000000001';
const PRIVATE = 'aaaaaaaa-0000-4000-8000-000000000002';
const DELETED = 'aaaaaaaa-0000-4000-8000-000000000003';
const SHARED = 'aaaaaaaa-0000-4000-8000-000000000004';
const MISSING = 'aaaaaaaa-0000-4000-8000-00000000000f';

let folder: string;
let port: number;
let server: EmbeddedDatabase;
let database: Database;
let catalogue: Catalogue;
const lost: unknown[] = [];

/** The same server, on the same port, whether it was killed or not. */
async function startServer(): Promise<void> {
  server = await openEmbedded({ folder, service: false, settings: ['fsync=off', `port=${port}`] });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'glimpse-catalogue-'));
  port = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = probe.address() as { port: number };
      probe.close(() => resolve(free));
    });
  });
  await startServer();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
  catalogue = storedCatalogue(database, { onUnavailable: (error) => lost.push(error) });
  await database.pool.query(
    `INSERT INTO images (id, name, status, visibility, owner, size, min_disk, properties, created_at, updated_at, deleted_at)
     SELECT id::uuid, 'an image', 'active', visibility, 'owner', 5000000000, 3, '{"a": "b"}',
            '2026-01-01T00:00:00.123456Z', '2026-01-02T00:00:00Z', deleted_at::timestamptz
     FROM (VALUES ($1, 'public', NULL), ($2, 'private', NULL), ($3, 'public', '2026-01-03T00:00:00Z'), ($4, 'shared', NULL))
          AS rows (id, visibility, deleted_at)`,
    [PUBLIC, PRIVATE, DELETED, SHARED],
  );
  await database.pool.query(`INSERT INTO members VALUES ($1, 'stranger', 'pending')`, [SHARED]);
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.leave();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);
beforeEach(() => {
  lost.length = 0;
});

describe('an image by its id', () => {
  it('is read in one query with all concurrent requests, and checked by itself', async () => {
    let queries = 0;
    // The first read finds the schema.
    await catalogue.reader.image(PUBLIC, STRANGER);
    const count = (): number => queries++;
    database.pool.on('acquire', count);
    const reads = [PUBLIC, SHARED, MISSING, PRIVATE, PUBLIC.toUpperCase(), DELETED].map((id) =>
      catalogue.reader.image(id, STRANGER).then(
        ({ value }) => [value.id, [...value.members]],
        (error) => error.constructor,
      ),
    );
    expect(await Promise.all(reads)).toEqual([
      [PUBLIC, []],
      [SHARED, [...membersOf({ stranger: 'pending' })]],
      ImageNotFound,
      ImageNotFound,
      [PUBLIC, []],
      ImageNotFound,
    ]);
    database.pool.off('acquire', count);
    // The images, and whom they are shared with.
    expect(queries).toBe(2);
  });

  it('is read completely', async () => {
    expect(await catalogue.reader.image(PUBLIC, STRANGER)).toEqual({
      source: 'fresh',
      // What the release before does not write is unknown.
      value: imageOf({
        id: PUBLIC,
        version: expect.any(BigInt) as never,
        name: 'an image',
        size: 5_000_000_000,
        minDisk: 3,
        properties: { a: 'b' },
        createdAt: new Date('2026-01-01T00:00:00.123Z'),
        updatedAt: new Date('2026-01-02T00:00:00Z'),
      }),
    });
  });

  it('has its members', async () => {
    const { value } = await catalogue.reader.image(SHARED, STRANGER);
    expect(value.members).toEqual(membersOf({ stranger: 'pending' }));
  });

  it('is found by its id in upper case, and has it in lower case', async () => {
    expect((await catalogue.reader.image(PUBLIC.toUpperCase(), STRANGER)).value.id).toBe(PUBLIC);
  });

  it('that a viewer may not see is not found, like one that does not exist', async () => {
    expect((await catalogue.reader.image(PRIVATE, OWNER)).value.id).toBe(PRIVATE);
    expect((await catalogue.reader.image(PRIVATE, ADMIN)).value.id).toBe(PRIVATE);
    for (const id of [PRIVATE, MISSING]) {
      await expect(catalogue.reader.image(id, STRANGER)).rejects.toThrow(ImageNotFound);
    }
  });

  it.each([
    ['deleted', DELETED],
    ['no UUID', 'none'],
    ['empty', ''],
    ['a UUID in braces', `{${PUBLIC}}`],
    ['a UUID without hyphens', PUBLIC.replaceAll('-', '')],
    ['a UUID and a line feed', `${PUBLIC}\n`],
    ['a UUID with NUL', `${PUBLIC.slice(0, -1)}\0`],
  ])('is not found by any viewer, and cannot be changed, when it is %s', async (_, id) => {
    for (const viewer of [STRANGER, OWNER, ADMIN]) {
      await expect(catalogue.reader.image(id, viewer)).rejects.toThrow(ImageNotFound);
    }
    await expect(catalogue.writer.change(id, { properties: { kind: 'remove', key: 'a' } })).rejects.toThrow(
      ImageNotFound,
    );
    await expect(catalogue.writer.delete(id)).rejects.toThrow(ImageNotFound);
    expect(lost).toEqual([]);
  });
});

describe('a list', () => {
  /** A catalogue on one connection, and what that keeps. */
  async function withOneConnection(
    pooled: boolean,
    happens: (lists: ImageLister, kept: () => Promise<number>) => Promise<void>,
  ): Promise<void> {
    const one = openDatabase({ url: server.url, poolSize: 1, pooler: pooled ? 'transaction' : undefined });
    const kept = async (): Promise<number> => {
      const { rows } = await one.pool.query<{ count: number }>(
        'SELECT count(*)::int AS count FROM pg_prepared_statements',
      );
      return rows[0]!.count;
    };
    await happens(storedCatalogue(one, { onUnavailable: (error) => lost.push(error) }).lister, kept);
    await one.close();
  }

  it('is planned once on each connection, whatever its values and its limit', async () => {
    await withOneConnection(false, async (lists, kept) => {
      for (const project of ['owner', 'stranger']) {
        expect(
          (await lists.images({ limit: 10, names: ['an image'] }, { project, admin: false })).value.images[0]!
            .id,
        ).toBe(project === 'owner' ? SHARED : PUBLIC);
      }
      expect(await kept()).toBe(1);
      for (let limit = 1; limit <= 100; limit++) {
        expect((await lists.images({ limit }, OWNER)).value.images).toHaveLength(Math.min(limit, 3));
      }
      expect(await kept()).toBe(2);
    });
  });

  it('leaves nothing on a connection that the next transaction may not get', async () => {
    await withOneConnection(true, async (lists, kept) => {
      expect((await lists.images({ limit: 10 }, OWNER)).value.images).toHaveLength(3);
      expect(await kept()).toBe(0);
    });
  });

  it('that is queued too long for a connection is refused as busy, and no outage is reported', async () => {
    const small = openDatabase({ url: server.url, poolSize: 1 });
    const { lister: lists, reader } = storedCatalogue(small, { onUnavailable: (error) => lost.push(error) });
    const client = await small.pool.connect();
    for (const read of [lists.images({ limit: 1 }, OWNER), reader.image(PUBLIC, OWNER)]) {
      await expect(read).rejects.toMatchObject({ code: 'catalogue-busy', retryAfter: 1 });
    }
    expect(lost).toEqual([]);
    client.release();
    expect((await lists.images({ limit: 1 }, OWNER)).value.images).toHaveLength(1);
    await small.close();
  }, 30_000);

  it('that has timed out is cancelled by PostgreSQL too', async () => {
    const running = `SELECT count(*)::int AS count FROM pg_stat_activity
                     WHERE application_name = 'glimpse' AND state = 'active' AND query LIKE '%pg_sleep(30)%'`;
    await expect(database.pool.query('SELECT pg_sleep(30)')).rejects.toThrow();
    // This query is active itself.
    await until(async () => (await database.pool.query<{ count: number }>(running)).rows[0]!.count === 1);
  }, 30_000);
});

/** All methods of the catalogue, without a lasting effect. */
const METHODS: Readonly<Record<string, () => Promise<unknown>>> = {
  'an image': () => catalogue.reader.image(PUBLIC, STRANGER),
  'a list': () => catalogue.lister.images({ limit: 10 }, STRANGER),
  'a change': () =>
    catalogue.writer.change(PUBLIC, { properties: { kind: 'merge', properties: { a: 'b' } } }),
  'a deletion': () =>
    catalogue.writer.delete(MISSING).catch((error: unknown) => {
      if (!(error instanceof ImageNotFound)) throw error;
    }),
};

/** The outcome of every method. */
async function callAll(): Promise<string[]> {
  const outcomes = await Promise.allSettled(Object.values(METHODS).map((call) => call()));
  return outcomes.map((outcome) =>
    outcome.status === 'fulfilled'
      ? 'done'
      : outcome.reason instanceof CatalogueUnavailable
        ? 'unavailable'
        : String(outcome.reason),
  );
}

const all = (outcome: string): string[] => Object.keys(METHODS).map(() => outcome);

const untilAnswered = (): Promise<void> =>
  until(async () => (await callAll()).every((outcome) => outcome === 'done'));

/** Waits until the port of the server is closed. */
async function untilGone(): Promise<void> {
  for (let refused = false; !refused; await sleep(20)) {
    refused = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => socket.destroy());
      socket.once('error', () => undefined);
      socket.once('close', (failed) => resolve(failed));
    });
  }
}

/** The server's processes, its own first. */
function processes(): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === server.pid;
      } catch {
        return false;
      }
    });
  return [server.pid, ...children.map(Number)];
}

function signal(name: NodeJS.Signals, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch {
      // It is gone.
    }
  }
}

/** Makes everything that touches images wait, while something happens. */
async function withImagesLocked(happens: () => Promise<void>): Promise<void> {
  const client = await database.pool.connect();
  client.on('error', () => undefined);
  try {
    await client.query('BEGIN; LOCK TABLE images IN ACCESS EXCLUSIVE MODE');
    await happens();
  } finally {
    client.release(true);
  }
}

const withProcesses = process.platform === 'linux' ? it : it.skip;
const unless = process.platform === 'linux' ? '' : ' (skipped: no /proc on this platform)';

describe('an unavailable database', () => {
  beforeEach(untilAnswered, 30_000);

  for (const how of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    withProcesses(
      `is unavailable to queries that run when ${how} ends the server, and from then on until it is back${unless}`,
      async () => {
        let running: Promise<string[]> | undefined;
        let left: Promise<void> | undefined;
        await withImagesLocked(async () => {
          running = callAll();
          await sleep(200);
          signal(how, how === 'SIGKILL' ? processes() : [server.pid]);
          // As long as this process uses the server, it would be started again.
          left = server.leave().catch(() => undefined);
          // The session with the lock may end first, and then some calls succeed during the shutdown.
          for (const outcome of await running) expect(['unavailable', 'done']).toContain(outcome);
        });
        await left;
        await untilGone();
        for (let times = 0; times < 5; times++) expect(await callAll()).toEqual(all('unavailable'));
        expect(lost.length).toBeGreaterThanOrEqual(20);

        await startServer();
        await untilAnswered();
      },
      60_000,
    );
  }

  withProcesses(
    `is unavailable when the server does not respond, and is back when it goes on${unless}`,
    async () => {
      const stopped = processes();
      signal('SIGSTOP', stopped);
      try {
        for (let times = 0; times < 2; times++) {
          expect(await callAll()).toEqual(all('unavailable'));
        }
      } finally {
        signal('SIGCONT', stopped);
      }
      await untilAnswered();
    },
    60_000,
  );

  it('is unavailable when every connection is in use, and available when one is free', async () => {
    const taken = await Promise.all([1, 2, 3, 4].map(() => database.pool.connect()));
    try {
      expect(await callAll()).toEqual(all('unavailable'));
    } finally {
      for (const client of taken) client.release();
    }
    expect(await callAll()).toEqual(all('done'));
  }, 30_000);

  it('is unavailable while the table is locked for longer than the time limit', async () => {
    await withImagesLocked(async () => {
      expect(await callAll()).toEqual(all('unavailable'));
    });
    await untilAnswered();
  }, 30_000);

  it('is unavailable before it has a schema, when it does not exist, and when it refuses the password', async () => {
    const missing = new URL(server.url);
    missing.pathname = 'nobody_made_this';
    const refused = new URL(server.url);
    refused.password = 'guessed';
    const empty = new URL(server.url);
    empty.pathname = 'postgres';
    for (const url of [missing, refused, empty]) {
      const other = openDatabase({ url: url.toString(), poolSize: 2 });
      const reported: unknown[] = [];
      const unreachable = storedCatalogue(other, { onUnavailable: (error) => reported.push(error) });
      await expect(unreachable.reader.image(PUBLIC, ADMIN)).rejects.toThrow(CatalogueUnavailable);
      await expect(unreachable.lister.images({ limit: 1 }, ADMIN)).rejects.toThrow(CatalogueUnavailable);
      await expect(unreachable.writer.delete(PUBLIC)).rejects.toThrow(CatalogueUnavailable);
      expect(reported).toHaveLength(3);
      await other.close();
    }
  }, 30_000);
});
