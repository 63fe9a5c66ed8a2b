import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CatalogueUnavailable, ImageNotFound, type Catalogue, type Viewer } from '@glimpse/domain';
import pg from 'pg';
import { storedCatalogue } from '../catalogue.js';
import { openDatabase, type Database } from './database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { migrate } from '../migrations/migrate.js';
import { isUnavailable } from './unavailable.js';

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
let heard: unknown[];
let admin: pg.Client;
beforeEach(async () => {
  heard = [];
  database = openDatabase({ url: server.url, poolSize: POOL });
  catalogue = storedCatalogue(database, { onUnavailable: (error) => heard.push(error) });
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

/** Everything that the catalogue can be asked. Where it can be asked, it says that there is no such image. */
const QUESTIONS: Readonly<Record<string, () => Promise<unknown>>> = {
  image: () => catalogue.reader.image(randomUUID(), VIEWER),
  images: () =>
    catalogue.lister.images({ limit: 1 }, VIEWER).then(() => Promise.reject(new ImageNotFound('none'))),
  change: () => catalogue.writer.change(randomUUID(), { properties: { kind: 'merge', properties: {} } }),
  delete: () => catalogue.writer.delete(randomUUID()),
};

/** Asks everything at once, several times over, and tells what kinds of errors came, by question. */
async function answers(times: number): Promise<Record<string, readonly string[]>> {
  const asked = Object.entries(QUESTIONS).map(async ([name, ask]) => {
    const errors = await Promise.all(
      Array.from({ length: times }, () => ask().catch((error: Error) => `${error.name}: ${error.message}`)),
    );
    return [name, [...new Set(errors.map((error) => String(error).split(':', 1)[0]!))]] as const;
  });
  return Object.fromEntries(await Promise.all(asked));
}

const ANSWERED = Object.fromEntries(Object.keys(QUESTIONS).map((question) => [question, ['ImageNotFound']]));

/** Opens every connection of the pool. */
async function fillPool(): Promise<void> {
  await Promise.all(Array.from({ length: POOL }, () => database.pool.query('SELECT pg_sleep(0.1)')));
  expect(database.pool.totalCount).toBe(POOL);
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = Date.now() + 10_000; !(await holds()); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`not so in time: ${holds.toString()}`);
  }
}

/** Keeps everything that is asked waiting. */
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

describe('the catalogue cannot be asked', () => {
  it('where its connection is cut under a running query', async () => {
    const lock = await lockImages();
    const asked = Promise.all(
      Object.values(QUESTIONS)
        .slice(0, POOL)
        .map((ask) => ask().catch((error: unknown) => error)),
    );
    await until(() => lock.waiting());
    await admin.query(KILL_CONNECTIONS);
    await lock.release();
    for (const error of await asked) expect(error).toBeInstanceOf(CatalogueUnavailable);
    expect(await answers(5)).toEqual(ANSWERED);
  });

  it('where its server has no TLS and is to have it', async () => {
    const url = new URL(server.url);
    url.search = 'sslmode=verify-full';
    const secure = openDatabase({ url: url.toString(), poolSize: 1 });
    try {
      const asked = storedCatalogue(secure, { onUnavailable: (error) => heard.push(error) });
      await expect(asked.reader.image(randomUUID(), VIEWER)).rejects.toThrow(CatalogueUnavailable);
      await expect(asked.lister.images({ limit: 1 }, VIEWER)).rejects.toThrow(CatalogueUnavailable);
      expect(heard).toHaveLength(2);
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

describe('the catalogue can be asked', () => {
  it('after its idle connections were cut', async () => {
    await fillPool();
    await admin.query(KILL_CONNECTIONS);
    await until(() => database.pool.totalCount === 0);
    expect(await answers(5)).toEqual(ANSWERED);
    expect(heard).toEqual([]);
  });

  it('where a query is wrong: that is a mistake of ours and no outage', async () => {
    await admin.query('ALTER TABLE images RENAME COLUMN properties TO attributes');
    try {
      for (const ask of Object.values(QUESTIONS)) {
        const error: unknown = await ask().catch((reason: unknown) => reason);
        if (error instanceof ImageNotFound) continue;
        expect(error).toBeInstanceOf(Error);
        expect(error).not.toBeInstanceOf(CatalogueUnavailable);
      }
      await expect(QUESTIONS['image']!()).rejects.not.toBeInstanceOf(ImageNotFound);
      expect(heard).toEqual([]);
    } finally {
      await admin.query('ALTER TABLE images RENAME COLUMN attributes TO properties');
    }
  });
});
