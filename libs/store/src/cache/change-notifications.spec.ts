import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Viewer } from '@glimpse/domain';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { StoredImageReader } from '../images/stored-image-reader.js';
import { openDatabase, type Database } from '../connection/database.js';
import { openEmbedded } from '../embedded/index.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { migrate } from '../migrations/migrate.js';
import { isUnavailable } from '../connection/unavailable.js';
import { CachedImageReader } from './cached-image-reader.js';
import { ChangeNotifications } from './change-notifications.js';

const OWNER: Viewer = { project: 'owner', admin: false };

/** The listening connection goes through here. */
class Line {
  readonly #sockets = new Set<Socket>();
  #dead = false;
  #held = 0;
  /** How many connections came. */
  accepted = 0;

  private constructor(
    readonly url: string,
    private readonly server: Server,
  ) {}

  /** @param change what becomes of the bytes that the server sends */
  static async to(target: string, change: (bytes: Buffer) => Buffer = (bytes) => bytes): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = new URL(target);
    const { port, hostname } = url;
    url.port = String((server.address() as AddressInfo).port);
    const line = new Line(url.toString(), server);
    server.on('connection', (client) => {
      line.accepted++;
      const upstream = connect(Number(port), hostname);
      line.#join(client, upstream, (bytes) => bytes);
      line.#join(upstream, client, change);
    });
    return line;
  }

  #join(from: Socket, to: Socket, change: (bytes: Buffer) => Buffer): void {
    this.#sockets.add(from);
    from.on('data', (bytes) => {
      if (this.#dead) return;
      if (this.#held === 0) to.write(change(bytes));
      else setTimeout(() => to.write(change(bytes)), this.#held);
    });
    from.on('error', () => undefined);
    from.on('close', () => {
      this.#sockets.delete(from);
      to.destroy();
    });
  }

  /** What comes through takes so many milliseconds longer, each way. */
  hold(milliseconds: number): void {
    this.#held = milliseconds;
  }

  /** Half open: nothing comes through any more, and neither end notices. */
  die(): void {
    this.#dead = true;
  }

  /** Ends what is there; what is opened from now on works. */
  cut(): void {
    this.#dead = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Accepts no connections. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.server.close(resolve));
    this.cut();
    await closed;
  }

  open(): Promise<void> {
    return new Promise((resolve) => this.server.listen(Number(new URL(this.url).port), '127.0.0.1', resolve));
  }
}

let server: TemporaryDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
  database = openDatabase({ url: server.url, poolSize: 4 });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
}, 60_000);

/** What was reported of the connection. */
let reported: string[];
/** The lag at each heartbeat, in milliseconds. */
let lags: number[];
const observer = {
  onListening: () => void reported.push('listening'),
  onCaughtUp: (lag: number) => void lags.push(lag),
  onLost: (error: unknown) => void reported.push(`lost: ${(error as Error).message}`),
};
let stop: AbortController;
let listening: Promise<void> | undefined;
beforeEach(() => {
  reported = [];
  lags = [];
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await listening;
  listening = undefined;
});

async function listen(url: string): Promise<ChangeNotifications> {
  const notifications = new ChangeNotifications({ url, pool: database.pool, observer });
  listening = notifications.listen(stop.signal);
  await until(() => reported.length > 0);
  return notifications;
}

describe('a listening connection', () => {
  let line: Line;
  let cache: CachedImageReader;
  let notifications: ChangeNotifications;
  let id: string;
  beforeEach(async () => {
    line = await Line.to(server.url);
    notifications = await listen(line.url);
    expect(reported).toEqual(['listening']);
    const stored = new StoredImageReader(database);
    cache = new CachedImageReader(stored, notifications, { size: 2 ** 20, staleLimit: 300, freshReads: 1 });
    id = randomUUID();
    await database.pool.query(
      `INSERT INTO images (id, name, status, visibility, created_at) VALUES ($1, 'old', 'active', 'public', now())`,
      [id],
    );
    expect(await name()).toBe('old');
  });
  afterEach(() => line.close());

  const name = async (): Promise<string | null> => (await cache.image(id, OWNER)).value.name;
  const rename = (to: string): Promise<unknown> =>
    database.pool.query('UPDATE images SET name = $2 WHERE id = $1', [id, to]);

  it('that is cut misses notifications, and nothing read before is fresh', async () => {
    await line.close();
    await until(() => notifications.session === undefined);
    await rename('new');
    await line.open();
    await until(() => notifications.session !== undefined);
    expect(await name()).toBe('new');
    expect(reported).toEqual(['listening', expect.stringMatching(/^lost: /), 'listening']);
  });

  it('whose server process ends is opened again at once, and nothing read before is fresh', async () => {
    const session = notifications.session;
    await database.pool.query(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'glimpse notifications'`,
    );
    await rename('new');
    await until(() => notifications.session !== undefined && notifications.session !== session);
    expect(await name()).toBe('new');
  });

  it('that is half open is trusted for two seconds at most, and then given up', async () => {
    line.die();
    await rename('new');
    const from = performance.now();
    let lastOld = from;
    for (let readAt = from; ; readAt = performance.now()) {
      if ((await name()) === 'new') break;
      lastOld = readAt;
      await sleep(5);
    }
    expect(lastOld - from).toBeLessThanOrEqual(2_000);
    await until(() => reported.length === 2);
    expect(reported[1]).toBe('lost: the listening connection did not answer within 1000 ms');
    // The line takes new connections and passes nothing on: all goes on without it.
    await rename('newer');
    expect(await name()).toBe('newer');
    line.cut();
    await until(() => notifications.session !== undefined);
    await rename('newest');
    await until(() => cache.entries === 0);
    expect(await name()).toBe('newest');
    expect(reported).toEqual(['listening', expect.stringMatching(/^lost: /), 'listening']);
  });

  it('remains open while it responds, and reads how full the queue of notifications is', async () => {
    const { session } = notifications;
    const since = session!.confirmedAt;
    await until(() => session!.confirmedAt > since + 1_500);
    expect(notifications.session).toBe(session);
    expect(notifications.queueUsage).toBeGreaterThanOrEqual(0);
  });

  it('reports its lag: the delay of what was committed before', async () => {
    line.hold(300);
    await until(() => lags.some((lag) => lag >= 300));
    expect(reported).toEqual(['listening']);
  });

  it('remains open when this process was suspended, although nothing is trusted meanwhile', async () => {
    const { session } = notifications;
    // Nothing of this process runs for longer than copies are trusted, and than the server may take to answer.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_500);
    const misses = cache.outcomes.miss;
    expect(await name()).toBe('old');
    expect(cache.outcomes.miss).toBe(misses + 1);
    await until(() => performance.now() - session!.confirmedAt < 1_000);
    expect(notifications.session).toBe(session);
    expect(reported).toEqual(['listening']);
  });
});

describe('notifications are not received', () => {
  it('from an unreachable server, which is reported once', async () => {
    const nowhere = await Line.to(server.url);
    await nowhere.close();
    const notifications = await listen(nowhere.url);
    await sleep(500);
    expect(reported).toEqual([expect.stringMatching(/^lost: .*ECONNREFUSED/)]);
    expect(notifications.session).toBeUndefined();
  });

  it('through a pooler, which gives its clients process ids of its own', async () => {
    const pooler = await Line.to(server.url, (bytes) => {
      const at = bytes.indexOf(Buffer.from([0x4b, 0, 0, 0, 12]));
      if (at >= 0) bytes.writeInt32BE(bytes.readInt32BE(at + 5) ^ 1, at + 5);
      return bytes;
    });
    await listen(pooler.url);
    expect(reported).toEqual(['lost: there is a pooler in front, which does not forward notifications']);
    await pooler.close();
  });

  it('from another database, although it has the schema', async () => {
    await database.pool.query('CREATE DATABASE another TEMPLATE template0');
    const another = new URL(server.url);
    another.pathname = 'another';
    await migrate(another.toString());
    const elsewhere = await Line.to(another.toString());
    const notifications = await listen(elsewhere.url);
    await until(() => elsewhere.accepted > 2);
    expect(reported).toEqual([
      'lost: the listening connection leads to another database than changes are made in',
    ]);
    expect(notifications.session).toBeUndefined();
    await elsewhere.close();
  });

  it('while changes are impossible, as nothing proves that they would be notified', async () => {
    const away = openDatabase({ url: server.url.replace(/:\d+\//, ':1/'), poolSize: 1 });
    const notifications = new ChangeNotifications({ url: server.url, pool: away.pool, observer });
    listening = notifications.listen(stop.signal);
    await until(() => reported.length > 0);
    expect(reported).toEqual([expect.stringMatching(/^lost: .*ECONNREFUSED/)]);
    expect(notifications.session).toBeUndefined();
    await away.close();
  });

  it('from a database that lacks a trigger', async () => {
    await database.pool.query('ALTER TABLE members DISABLE TRIGGER members_updated');
    try {
      await listen(server.url);
      expect(reported).toEqual(['lost: the database lacks the triggers that notify']);
    } finally {
      await database.pool.query('ALTER TABLE members ENABLE TRIGGER members_updated');
    }
    await until(() => reported.includes('listening'));
  });

  it('from a standby, and images are not read from one', async () => {
    const own = mkdtempSync(join(tmpdir(), 'glimpse-standby-'));
    const options = { folder: own, service: false, settings: ['fsync=off'] };
    const primary = await openEmbedded(options);
    await migrate(primary.url);
    await primary.leave();
    writeFileSync(join(own, 'postgres/cluster/standby.signal'), '');
    const standby = await openEmbedded(options);
    try {
      await listen(standby.url);
      expect(reported).toEqual(['lost: the database is a standby, and only the primary notifies']);
      const pool = openDatabase({ url: standby.url, poolSize: 1 });
      const error: unknown = await pool.pool.query('SELECT').catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: 'the database is a standby' });
      expect(isUnavailable(error)).toBe(true);
      await pool.close();
    } finally {
      stop.abort();
      await standby.leave();
      rmSync(own, { recursive: true, force: true });
    }
  }, 60_000);
});
