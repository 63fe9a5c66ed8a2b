import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { glimpse, spawnGlimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { CANNOT_SIGNAL, OwnDatabase } from '../harness/own-database.js';
import { newFolder, startBareService, startService, tokenOf, type Service } from '../harness/service.js';

const IMAGE = '/v2.1/images/22222222-0000-4000-8000-000000000001';

const started: Service[] = [];
const lockers: pg.Client[] = [];
afterEach(async () => {
  for (const locker of lockers.splice(0)) await locker.end();
  for (const service of started.splice(0)) await service.stop('SIGKILL');
});

/** Longer than a test may take, so that a test fails if it waits for the timeout. */
const NEVER_CUT = { GLIMPSE_SHUTDOWN_TIMEOUT: '300' };

/** A service on a database of its own, with a request that waits for a lock. */
async function serviceWithRequest(): Promise<{
  service: Service;
  response: Promise<Response>;
  release(): Promise<void>;
}> {
  const database = await createDatabase('contract');
  const service = await startService(database, NEVER_CUT);
  started.push(service);
  const locker = new pg.Client({ connectionString: databaseUrl(database) });
  lockers.push(locker);
  await locker.connect();
  await locker.query('BEGIN; LOCK TABLE images IN ACCESS EXCLUSIVE MODE');
  const headers = { 'x-auth-token': tokenOf('demo') };
  const response = fetch(`${service.url}/v2.1/images/detail`, { headers });
  response.catch(() => undefined);
  await until(async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = '${database}' AND wait_event_type = 'Lock'`;
    return (await query(database, waiting)).length > 0;
  });
  return { service, response, release: async () => void (await locker.query('ROLLBACK')) };
}

/** A data folder with a cluster, so that not each test makes one. */
const folder = newFolder();
const pidFile = join(folder, 'postgres/cluster/postmaster.pid');
const EMBEDDED = { GLIMPSE_DATA_DIR: folder, GLIMPSE_PORT: '0' };
beforeAll(async () => {
  expect((await glimpse(['migrate'], EMBEDDED)).code).toBe(0);
  expect(existsSync(pidFile)).toBe(false);
}, 60_000);

describe('a service that gets a signal to stop', () => {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    it(`by ${signal} responds to requests from before, and to none after`, async () => {
      const { service, response, release } = await serviceWithRequest();
      const ended = service.stop(signal);
      await until(() => service.log().includes('"event":"stopping"'));
      await until(() =>
        fetch(`${service.url}/livez`).then(
          () => false,
          () => true,
        ),
      );
      await release();
      const { status, headers } = await response;
      expect(status).toBe(200);
      expect(headers.get('connection')).toBe('close');
      expect(await ended).toBe(0);
      expect(service.log()).toContain('"event":"stopped"');
    });
  }

  it('does not wait for connections without a request', async () => {
    const { service, response, release } = await serviceWithRequest();
    const { hostname, port } = new URL(service.url);
    const unused = connect({ host: hostname, port: Number(port) }).resume();
    await once(unused, 'connect');
    const order: string[] = [];
    unused.once('close', () => order.push('unused'));
    const answered = response.then(() => order.push('answered'));
    const ended = service.stop();
    // By default Node waits 15 s for the headers of a request, and the request waits two for the lock.
    await once(unused, 'close');
    await release();
    await answered;
    expect(order).toEqual(['unused', 'answered']);
    expect(await ended).toBe(0);
  });

  it('refuses at /readyz first, and for a while serves everything else with Connection: close', async () => {
    const service = await startService(await createDatabase('contract'), { GLIMPSE_SHUTDOWN_DELAY: '2' });
    started.push(service);
    const headers = { 'x-auth-token': tokenOf('demo') };
    const request = (path: string): Promise<Response> => fetch(service.url + path, { headers });
    for (const path of ['/v2.1/images', IMAGE, IMAGE]) {
      expect((await request(path)).headers.get('connection')).toBe('keep-alive');
    }
    const signalled = performance.now();
    const ended = service.stop();
    await until(async () => (await request('/readyz')).status === 503);
    for (const path of ['/v2.1/images', IMAGE, '/livez', '/metrics']) {
      const { status, headers } = await request(path);
      expect([status, headers.get('connection')]).toEqual([200, 'close']);
    }
    expect(await ended).toBe(0);
    expect(performance.now() - signalled).toBeGreaterThan(1_900);
    await expect(request('/livez')).rejects.toThrow();
  });

  it('twice, ends at once', async () => {
    // Much longer than this test may take.
    const service = await startService(await createDatabase('contract'), { GLIMPSE_SHUTDOWN_DELAY: '300' });
    started.push(service);
    const ended = service.stop('SIGINT');
    await until(() => service.log().includes('"event":"stopping"'));
    // Within a second of the first it is the same Ctrl-C, passed on by npm.
    process.kill(service.pid, 'SIGINT');
    await sleep(1_200);
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    process.kill(service.pid, 'SIGINT');
    expect(await ended).toBe(1);
  });

  it('twice, leaves its PostgreSQL to the next one', async () => {
    const service = await startBareService(EMBEDDED);
    started.push(service);
    process.kill(service.pid, 'SIGINT');
    process.kill(service.pid, 'SIGTERM');
    await service.stop('SIGCONT');
    const next = await startBareService(EMBEDDED);
    started.push(next);
    await until(async () => (await fetch(`${next.url}/readyz`)).ok);
    expect(await next.stop()).toBe(0);
    expect(existsSync(pidFile)).toBe(false);
  });

  it('while it starts, starts no more than it stops', async () => {
    const run = spawnGlimpse(['serve'], EMBEDDED);
    run.stdout.resume();
    run.stderr.resume();
    await until(() => existsSync(pidFile));
    run.kill('SIGINT');
    expect(await once(run, 'exit')).toEqual([0, null]);
    expect(existsSync(pidFile)).toBe(false);
  });
});

describe('a command that gets a signal to stop', () => {
  const page = (from: number): string =>
    Array.from({ length: 2_000 }, (_, index) => ({
      id: `33333333-0000-4000-8000-${String(from + index).padStart(12, '0')}`,
      name: 'imported',
      status: 'active',
      visibility: 'public',
      created_at: '2026-01-01T00:00:00Z',
    }))
      .map((document) => JSON.stringify(document))
      .join(',');

  for (const [round, signal] of (['SIGTERM', 'SIGINT', 'SIGHUP'] as const).entries()) {
    it(`by ${signal} prints what it did, fails, and leaves no PostgreSQL behind`, async () => {
      const from = round * 10_000;
      const run = spawnGlimpse(['import', '-'], EMBEDDED);
      let output = '';
      run.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      run.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      run.stdin.on('error', () => undefined).write(`[${page(from)},`);
      const imported = async (): Promise<number> => {
        const [pid, , , port] = readFileSync(pidFile, 'utf8').split('\n');
        const password = readFileSync(join(folder, 'postgres/password'), 'utf8');
        expect(Number(pid)).toBeGreaterThan(1);
        const client = new pg.Client(`postgresql://glimpse:${password}@127.0.0.1:${port}/glimpse`);
        client.on('error', () => undefined);
        try {
          await client.connect();
          const first = `33333333-0000-4000-8000-${String(from).padStart(12, '0')}`;
          const { rows } = await client.query<{ count: number }>(
            `SELECT count(*)::int AS count FROM images WHERE name = 'imported' AND id >= $1`,
            [first],
          );
          return rows[0]!.count;
        } finally {
          await client.end();
        }
      };
      await until(async () => existsSync(pidFile) && (await imported().catch(() => 0)) >= 1_000, 60_000);
      await sleep(200);
      run.kill(signal);
      expect(await once(run, 'close')).toEqual([1, null]);
      expect(output).toMatch(
        new RegExp(
          `(?:^|\\n)glimpse: stopped by ${signal}: imported until then: [12]\\d{3} images \\(.*\\), 0 members, 0 bad; ` +
            'run the same import again to continue\n$',
        ),
      );
      expect(existsSync(pidFile)).toBe(false);
    }, 90_000);
  }
});

describe('a PostgreSQL that hangs', () => {
  it(`does not keep a service from ending${CANNOT_SIGNAL}`, async () => {
    const database = await OwnDatabase.start([]);
    try {
      const service = await startService('', { DATABASE_URL: database.url });
      started.push(service);
      database.signal('SIGSTOP');
      const request = fetch(`${service.url}/v2.1/images`, { headers: { 'x-auth-token': tokenOf('demo') } });
      request.catch(() => undefined);
      expect(await service.stop()).toBe(0);
      expect(service.log()).toContain('"event":"stopped"');
    } finally {
      database.signal('SIGCONT');
      await database.stop();
    }
  }, 120_000);
});
