import { randomUUID } from 'node:crypto';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CatalogueUnavailable, ImageNotFound, type Catalogue, type Viewer } from '@glimpse/domain';
import pg from 'pg';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from './database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { migrate } from '../migrations/migrate.js';
import { isUnavailable, orUnavailable } from './unavailable.js';

const POOL = 3;
const VIEWER: Viewer = { project: 'owner', admin: false };

let server: TemporaryDatabase;
beforeAll(async () => {
  server = await openTemporary();
  await migrate(server.url);
}, 60_000);
afterAll(async () => {
  await server?.close();
}, 60_000);

let database: Database;
let catalogue: Catalogue;
let reported: unknown[];
let admin: pg.Client;
beforeEach(async () => {
  reported = [];
  database = openDatabase({ url: server.url, poolSize: POOL });
  catalogue = storedCatalogue(database, { onUnavailable: (error) => reported.push(error) });
  admin = await connect();
});
afterEach(async () => {
  await database.close();
  await admin.end();
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

/** All methods of the catalogue. While it is available, each finds no such image. */
const METHODS: Readonly<Record<string, () => Promise<unknown>>> = {
  image: () => catalogue.reader.image(randomUUID(), VIEWER),
  images: () =>
    catalogue.lister.images({ limit: 1 }, VIEWER).then(() => Promise.reject(new ImageNotFound('none'))),
  change: () => catalogue.writer.change(randomUUID(), { properties: { kind: 'merge', properties: {} } }),
  delete: () => catalogue.writer.delete(randomUUID()),
};

/** Calls every method several times at once: the kinds of errors by method. */
async function errorsOf(times: number): Promise<Record<string, readonly string[]>> {
  const calls = Object.entries(METHODS).map(async ([name, call]) => {
    const errors = await Promise.all(
      Array.from({ length: times }, () => call().catch((error: Error) => `${error.name}: ${error.message}`)),
    );
    return [name, [...new Set(errors.map((error) => String(error).split(':', 1)[0]!))]] as const;
  });
  return Object.fromEntries(await Promise.all(calls));
}

const AVAILABLE = Object.fromEntries(Object.keys(METHODS).map((method) => [method, ['ImageNotFound']]));

/** Opens every connection of the pool. */
async function fillPool(): Promise<void> {
  await Promise.all(Array.from({ length: POOL }, () => database.pool.query('SELECT pg_sleep(0.1)')));
  expect(database.pool.totalCount).toBe(POOL);
}

/** Keeps all queries waiting. */
async function lockImages(): Promise<{ waiting(): Promise<boolean>; release(): Promise<void> }> {
  const locker = await connect();
  await locker.query('BEGIN');
  await locker.query('LOCK TABLE images IN ACCESS EXCLUSIVE MODE');
  return {
    async waiting() {
      const { rowCount } = await admin.query(
        `SELECT FROM pg_stat_activity WHERE application_name = 'glimpse' AND wait_event_type = 'Lock'`,
      );
      return rowCount === POOL;
    },
    release: () => locker.end(),
  };
}

const KILL_CONNECTIONS = `
  SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'glimpse'`;

describe('the catalogue is unavailable', () => {
  it('where its connection is cut under a running query', async () => {
    const lock = await lockImages();
    const refused = Promise.all(
      Object.values(METHODS)
        .slice(0, POOL)
        .map((run) => run().catch((error: unknown) => error)),
    );
    await until(() => lock.waiting());
    await admin.query(KILL_CONNECTIONS);
    await lock.release();
    for (const error of await refused) expect(error).toBeInstanceOf(CatalogueUnavailable);
    expect(await errorsOf(5)).toEqual(AVAILABLE);
  });

  it('where its server has no TLS and is to have it', async () => {
    const url = new URL(server.url);
    url.search = 'sslmode=verify-full';
    const secure = openDatabase({ url: url.toString(), poolSize: 1 });
    try {
      const catalogueOverTls = storedCatalogue(secure, { onUnavailable: (error) => reported.push(error) });
      await expect(catalogueOverTls.reader.image(randomUUID(), VIEWER)).rejects.toThrow(CatalogueUnavailable);
      await expect(catalogueOverTls.lister.images({ limit: 1 }, VIEWER)).rejects.toThrow(
        CatalogueUnavailable,
      );
      expect(reported).toHaveLength(2);
    } finally {
      await secure.close();
    }
  });

  it.each([
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'SELF_SIGNED_CERT_IN_CHAIN',
    'ERR_TLS_CERT_ALTNAME_INVALID',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  ])('where its server’s certificate is not accepted: %s', (code) => {
    expect(isUnavailable(Object.assign(new Error('certificate'), { code }))).toBe(true);
  });
});

describe('the catalogue is available', () => {
  it('after its idle connections were cut', async () => {
    await fillPool();
    await admin.query(KILL_CONNECTIONS);
    await until(() => database.pool.totalCount === 0);
    expect(await errorsOf(5)).toEqual(AVAILABLE);
    expect(reported).toEqual([]);
  });

  it('where a query is wrong: that is a mistake of ours and no outage', async () => {
    await admin.query('ALTER TABLE images RENAME COLUMN properties TO attributes');
    try {
      for (const run of Object.values(METHODS)) {
        const error: unknown = await run().catch((reason: unknown) => reason);
        if (error instanceof ImageNotFound) continue;
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(CatalogueUnavailable);
      }
      await expect(METHODS['image']!()).rejects.not.toBeInstanceOf(ImageNotFound);
      expect(reported).toEqual([]);
    } finally {
      await admin.query('ALTER TABLE images RENAME COLUMN attributes TO properties');
    }
  });
});

describe('a statement that is rolled back because of others', () => {
  it('is sent again after a deadlock', async () => {
    const [one, other] = [await connect(), await connect()];
    let holders = 0;
    const run = (client: pg.Client, first: number, second: number): Promise<unknown> =>
      orUnavailable(async () => {
        await client.query("BEGIN; SET LOCAL deadlock_timeout = '10ms'");
        try {
          await client.query(`SELECT pg_advisory_xact_lock(${first})`);
          holders++;
          await until(() => holders >= 2);
          await client.query(`SELECT pg_advisory_xact_lock(${second})`);
        } finally {
          await client.query('ROLLBACK');
        }
      });
    try {
      await Promise.all([run(one, 1, 2), run(other, 2, 1)]);
      expect(holders).toBeGreaterThan(2);
    } finally {
      await Promise.all([one.end(), other.end()]);
    }
  });

  it('is given up after some attempts, and that is no outage', async () => {
    await admin.query('BEGIN; LOCK TABLE members; SET LOCAL idle_in_transaction_session_timeout = 0');
    const impatient = await connect();
    await impatient.query("SET lock_timeout = '1ms'");
    let sent = 0;
    try {
      const giveUp = orUnavailable(() => (sent++, impatient.query('SELECT count(*) FROM members')), {
        onUnavailable: (error) => reported.push(error),
      });
      await expect(giveUp).rejects.toThrow(
        'the database gave up a statement that waited for others: canceling',
      );
      await expect(giveUp).rejects.toBeInstanceOf(CatalogueUnavailable);
      expect(sent).toBeGreaterThan(1);
      expect(reported).toEqual([]);
    } finally {
      await admin.query('ROLLBACK');
      await impatient.end();
    }
  });
});

it('a database that is absent can be closed while Prisma connects to it', async () => {
  const database = openDatabase({ url: 'postgresql://127.0.0.1:1/absent', poolSize: 1 });
  const reading = (await database.prisma()).image.findFirst().catch((error: Error) => error);
  await database.close();
  expect(database.pool.ended).toBe(true);
  expect(await reading).toBeInstanceOf(Error);
});
