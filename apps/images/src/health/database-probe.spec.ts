import { openDatabase, type Database } from '@glimpse/store';
import { openTemporary, type TemporaryDatabase } from '@glimpse/store/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Telemetry } from '../telemetry/telemetry.js';
import { DatabaseProbe } from './database-probe.js';

let server: TemporaryDatabase;
let database: Database;
let observed: string[];
let probe: DatabaseProbe;
beforeAll(async () => {
  server = await openTemporary();
  database = openDatabase({ url: server.url, poolSize: 1 });
}, 60_000);
beforeEach(() => {
  observed = [];
  probe = new DatabaseProbe(database, {
    observe: (name: string) => observed.push(name),
  } as unknown as Telemetry);
});
afterAll(async () => {
  await database.close();
  await server.close();
});

describe('the probe of the database', () => {
  it('queries once for all concurrent callers', async () => {
    let queries = 0;
    const { pool } = database;
    const count = (): number => queries++;
    pool.on('acquire', count);
    expect(await Promise.all(Array.from({ length: 100 }, () => probe.responds()))).not.toContain(false);
    pool.off('acquire', count);
    expect(queries).toBe(1);
  });

  it('does not mistake a pool that is in use for an outage', async () => {
    const client = await database.pool.connect();
    try {
      expect(await probe.responds()).toBe(true);
      expect(observed).toEqual([]);
    } finally {
      client.release();
    }
  });

  it('reports an outage once, and its end', async () => {
    probe.lost(new Error('of a test'));
    expect(await probe.responds()).toBe(true);
    expect(observed).toEqual(['database-unavailable', 'database-available']);
  });
});
