import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { openDatabase, type Database } from './database.js';

let server: TemporaryDatabase;
let database: Database;
beforeAll(async () => {
  server = await openTemporary();
  database = openDatabase({ url: server.url, poolSize: 4 });
}, 60_000);
afterAll(async () => {
  await database?.close();
  await server?.close();
});

it('keeps connections between bursts of requests, and gives them back after a minute', async () => {
  const { pool } = database;
  jest.useFakeTimers({
    doNotFake: ['Date', 'hrtime', 'nextTick', 'performance', 'queueMicrotask', 'setImmediate', 'setInterval'],
  });
  try {
    await Promise.all(Array.from({ length: 4 }, () => pool.query('SELECT pg_sleep(0.1)')));
    const idle = [pool.idleCount];
    for (let after = 0; after < 3; after++) {
      jest.advanceTimersByTime(25_000);
      idle.push(pool.idleCount);
    }
    expect(idle).toEqual([4, 4, 4, 0]);
  } finally {
    jest.useRealTimers();
  }
});
