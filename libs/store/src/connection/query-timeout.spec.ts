import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { openDatabase, type Database } from './database.js';

const LIMIT_MS = 500;

let server: TemporaryDatabase;
let database: Database | undefined;
beforeAll(async () => {
  server = await openTemporary();
}, 60_000);
afterEach(async () => {
  await database?.close();
});
afterAll(async () => {
  await server?.close();
}, 60_000);

/** Blocks this process for longer than the limit. */
function block(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2 * LIMIT_MS);
}

describe('the time limit of a query', () => {
  it.each([
    ['a response', 8],
    ['the beginning of a large response', 16 * 2 ** 20],
  ])('is kept by %s that arrived in time and is read late', async (_, length) => {
    database = openDatabase({ url: server.url, poolSize: 1, queryTimeoutMs: LIMIT_MS });
    const client = await database.pool.connect();
    try {
      // PostgreSQL's own limit also counts the time in which it cannot send.
      await client.query('SET statement_timeout = 0');
      const response = client.query<{ text: string }>(`SELECT repeat('x', ${length}) AS text`);
      block();
      expect((await response).rows[0]!.text).toHaveLength(length);
    } finally {
      client.release();
    }
  });

  it('is exceeded where nothing arrives, and then the connection is replaced', async () => {
    database = openDatabase({ url: server.url, poolSize: 1, queryTimeoutMs: LIMIT_MS });
    const pidOf = async (): Promise<unknown> =>
      (await database!.pool.query('SELECT pg_backend_pid() AS pid')).rows[0];
    const pid = await pidOf();
    const sleep = { text: 'SELECT pg_sleep(60)', query_timeout: 50 };
    await expect(database.pool.query(sleep)).rejects.toThrow('Query read timeout');
    expect(await pidOf()).not.toEqual(pid);
  });
});
