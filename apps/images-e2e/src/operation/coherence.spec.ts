import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { LIST, Ledger, Readers, percentile, request, type Loop } from '../harness/coherence.js';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { CANNOT_SIGNAL, OwnDatabase } from '../harness/own-database.js';
import { IDENTITIES, startService, tokenOf, type Service } from '../harness/service.js';

const TOKEN = tokenOf('demo');
const IMAGES = Array.from({ length: 6 }, () => randomUUID());
/** Images whose members change. */
const SHARED = Array.from({ length: 2 }, () => randomUUID());
/** Never read, so that no replica has it in its cache. */
const UNREAD = randomUUID();
const OTHER = randomUUID();

const documents = [...IMAGES, ...SHARED, UNREAD, OTHER].map((id) => ({
  id,
  name: IMAGES.includes(id) ? 'counted' : 'other',
  status: 'active',
  visibility: SHARED.includes(id) ? 'shared' : 'private',
  owner: IDENTITIES['demo']!.project_id,
  created_at: '2026-01-01T00:00:00Z',
  updated_at: '2026-01-01T00:00:00Z',
}));

/** Statuses of changes in an outage. A member is not found whose addition was refused. */
const CHANGED_OR_REFUSED = [200, 404, 503];

const suite = CANNOT_SIGNAL ? describe.skip : describe;

suite(`three replicas on one database${CANNOT_SIGNAL}`, () => {
  let database: OwnDatabase;
  /** The proxy of the listening connection of the second replica. */
  let listening: DatabaseProxy;
  let services: [Service, Service, Service];
  const ledger = new Ledger(IMAGES, TOKEN, SHARED);

  beforeAll(async () => {
    database = await OwnDatabase.start(documents);
    listening = await DatabaseProxy.to(database.url);
    const start = (settings = {}): Promise<Service> =>
      startService('', { DATABASE_URL: database.url, GLIMPSE_IMAGE_PORT: '0', ...settings });
    services = await Promise.all([start(), start({ DATABASE_LISTEN_URL: listening.url }), start()]);
  }, 60_000);
  afterAll(async () => {
    for (const service of services ?? []) await service.stop();
    await listening?.close();
    await database?.stop();
  }, 60_000);

  const read = (service: Service, id: string): Promise<{ status: number; headers: Headers }> =>
    request(service.url, `/v2.1/images/${id}`, { headers: { 'x-auth-token': TOKEN } });
  const list = (service: Service): Promise<{ status: number; headers: Headers }> =>
    request(service.url, LIST, { headers: { 'x-auth-token': TOKEN } });
  let unread = 0;
  /** Another list each time, so that no replica has it in its cache. */
  const listUnread = (service: Service): Promise<{ status: number; headers: Headers }> =>
    request(service.url, `/v2.1/images?limit=2&unread=${unread++}`, { headers: { 'x-auth-token': TOKEN } });
  const change = (service: Service, id: string): Promise<{ status: number; headers: Headers }> =>
    request(service.url, `/v2.1/images/${id}/metadata`, {
      method: 'POST',
      headers: { 'x-auth-token': TOKEN },
      body: '{"metadata": {"changed": "yes"}}',
    });

  /** Runs a function while all replicas are read and the first one is written to; returns the readers. */
  async function during(happens: (counting: Loop) => Promise<void>): Promise<Readers> {
    const [writer] = services;
    const seen = new Readers(ledger, services, TOKEN, writer);
    const counting = ledger.keepCounting(writer);
    try {
      await happens(counting);
    } finally {
      await counting.stop();
      // Leaves time to read the last acknowledged value.
      await sleep(50);
      await seen.stop();
    }
    expect(seen.wrong).toEqual([]);
    expect(seen.staleness.length).toBeGreaterThan(5);
    return seen;
  }

  /** Waits until every replica serves fresh responses again. */
  const recovered = async (): Promise<void> => {
    for (const service of services) {
      await until(async () => (await list(service)).status === 200);
      await until(async () => (await read(service, IMAGES[0]!)).status === 200);
    }
  };
  const others = (statuses: ReadonlySet<number>, allowed: readonly number[]): number[] =>
    [...statuses].filter((status) => !allowed.includes(status));

  /** Whether each replica serves an image as stale. */
  async function allServeStale(): Promise<boolean> {
    for (const service of services) {
      const responses = await Promise.all(IMAGES.map((id) => read(service, id)));
      const stale = responses.filter(({ status }) => status === 203);
      for (const { headers } of stale) {
        expect(headers.get('age')).toMatch(/^\d+$/);
        expect(headers.get('etag')).toMatch(/^"/);
      }
      if (stale.length === 0) return false;
    }
    return true;
  }

  it('show a change at once where it was made, and soon on the others', async () => {
    const seen = await during(() => sleep(4_000));
    expect(others(seen.statuses, [200, 304])).toEqual([]);
    const [p50, p99] = [0.5, 0.99].map((part) => Math.round(percentile(seen.staleness, part)));
    console.info(
      `${seen.staleness.length} reads: superseded for ${p50} ms (p50), ${p99} ms (p99), ` +
        `${Math.round(Math.max(...seen.staleness))} ms (most)`,
    );
  });

  it('show it in time where change notifications are lost during changes', async () => {
    const seen = await during(async () => {
      for (let times = 0; times < 4; times++) {
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'glimpse notifications'`,
        );
        await sleep(150);
      }
      await listening.cut();
      await sleep(1_000);
      await listening.restore();
      await sleep(700);
    });
    expect(others(seen.statuses, [200, 304])).toEqual([]);
  });

  it('show it in time where change notifications stop silently', async () => {
    const seen = await during(async () => {
      listening.stall();
      await sleep(4_000);
      await listening.restore();
      await sleep(1_000);
    });
    expect(others(seen.statuses, [200, 203, 304])).toEqual([]);
  });

  it('respond throughout while their connections are terminated', async () => {
    const seen = await during(async () => {
      for (let times = 0; times < 8; times++) {
        await database.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'glimpse%'
             AND application_name <> 'glimpse place'`,
        );
        await sleep(200);
      }
    });
    expect(others(seen.statuses, [200, 203, 304, 503])).toEqual([]);
    expect(others(ledger.statuses, CHANGED_OR_REFUSED)).toEqual([]);
    await recovered();
  });

  it('serve stale images while the database is down, and recover by themselves when it is back', async () => {
    const seen = await during(async () => {
      await sleep(300);
      database.signal('SIGKILL');
      await sleep(1_000);
      for (const service of services) {
        const [copy, page, missing, listed, changed] = await Promise.all([
          read(service, IMAGES[0]!),
          list(service),
          read(service, UNREAD),
          listUnread(service),
          change(service, IMAGES[0]!),
        ]);
        for (const response of [missing, listed, changed]) {
          expect(response.status).toBe(503);
          expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
        }
        for (const { status } of [copy, page]) if (status !== 503) expect([200, 203]).toContain(status);
      }
      await until(() => allServeStale());
      await database.restart();
      await recovered();
    });
    expect(others(seen.statuses, [200, 203, 304, 503])).toEqual([]);
    expect(seen.statuses).toContain(203);
    expect(others(ledger.statuses, CHANGED_OR_REFUSED)).toEqual([]);
  });

  it('serve stale images while the database is paused, and let no request wait for it', async () => {
    const seen = await during(async (counting) => {
      // A paused database applies pending changes when it resumes, so none may be in flight.
      await counting.stop();
      await Promise.all(services.flatMap((service) => IMAGES.map((id) => read(service, id))));
      // A notification of the last change may still drop a page: it is kept again with the second request after that.
      for (const _ of [1, 2, 3, 4]) for (const service of services) await list(service);
      database.signal('SIGSTOP');
      try {
        const stopped = performance.now();
        for (const { status } of await Promise.all(services.map(listUnread))) expect(status).toBe(503);
        const timeLimit = performance.now() - stopped;
        await until(() => allServeStale());
        for (const service of services) {
          const { status, headers } = await list(service);
          expect([status, headers.get('etag')]).toEqual([203, expect.stringMatching(/^"/)]);
          expect(headers.get('age')).toMatch(/^\d+$/);
        }
        // By now it is known to be unavailable, and no request waits for it.
        await sleep(2_000);
        for (const service of services) {
          const from = performance.now();
          const responses = [
            ...Array.from({ length: 20 }, () => read(service, IMAGES[1]!)),
            ...Array.from({ length: 20 }, () => listUnread(service)),
            ...Array.from({ length: 20 }, () => list(service)),
            change(service, OTHER),
          ];
          for (const { status } of await Promise.all(responses)) expect([203, 503]).toContain(status);
          expect(performance.now() - from).toBeLessThan(timeLimit);
        }
      } finally {
        database.signal('SIGCONT');
      }
      await recovered();
    });
    expect(others(seen.statuses, [200, 203, 304, 503])).toEqual([]);
    expect(seen.statuses).toContain(203);
  });

  it('serve cached images while every connection waits, and refuse what is not cached', async () => {
    const locker = new pg.Client({ connectionString: database.url });
    await locker.connect();
    // Waits for changes of the test before, after which no cached page is outdated any more.
    await locker.query('BEGIN; LOCK TABLE images IN SHARE MODE');
    await sleep(500);
    await Promise.all(services.flatMap((service) => [...IMAGES, ...SHARED].map((id) => read(service, id))));
    for (const service of services) for (const _ of [1, 2]) await list(service);
    const seen = new Readers(ledger, services, TOKEN);
    await locker.query('LOCK TABLE images IN ACCESS EXCLUSIVE MODE');
    const responses = services.flatMap((service) =>
      Array.from({ length: 25 }, (_, index) =>
        index % 2 === 0 ? read(service, UNREAD) : listUnread(service),
      ),
    );
    for (const { status } of await Promise.all(responses)) expect(status).toBe(503);
    await locker.end();
    await seen.stop();
    expect(seen.wrong).toEqual([]);
    // A busy machine may miss a heartbeat as well.
    for (const statuses of [seen.statuses, seen.listStatuses]) {
      expect(others(statuses, [200, 203, 304])).toEqual([]);
    }
    await recovered();
  });

  it('show no outdated image of a replica that was paused and resumes', async () => {
    const [, stopped] = services;
    const seen = await during(async () => {
      await sleep(200);
      process.kill(stopped.pid, 'SIGSTOP');
      await sleep(4_000);
      process.kill(stopped.pid, 'SIGCONT');
      await sleep(1_000);
    });
    // Its queries in flight time out when it resumes.
    expect(others(seen.statuses, [200, 203, 304, 503])).toEqual([]);
  });

  it('keep every acknowledged change, and no partial one, when a replica is killed during many', async () => {
    const [, , killed] = services;
    const acknowledged = new Map<string, number>();
    const sent = new Map<string, number>();
    const loops = IMAGES.flatMap((id) =>
      ['a', 'b', 'c', 'd'].map(async (writer) => {
        for (let value = 1; ; value++) {
          sent.set(`${id} ${writer}`, value);
          const metadata = { [`${writer}-one`]: String(value), [`${writer}-two`]: String(value) };
          const response = await request(killed.url, `/v2.1/images/${id}/metadata`, {
            method: 'POST',
            headers: { 'x-auth-token': TOKEN },
            body: JSON.stringify({ metadata }),
          }).catch(() => undefined);
          if (!response) return;
          // A busy machine refuses some of so many requests.
          expect([200, 503]).toContain(response.status);
          if (response.status === 200) acknowledged.set(`${id} ${writer}`, value);
        }
      }),
    );
    const total = (): number => [...acknowledged.values()].reduce((sum, value) => sum + value, 0);
    await until(() => total() > 500);
    await killed.stop('SIGKILL');
    await Promise.all(loops);
    const rows = await database.query(`SELECT id, properties FROM images WHERE name = 'counted'`);
    const kept = new Map(rows.map(({ id, properties }) => [id, properties as Record<string, string>]));
    for (const [key, value] of acknowledged) {
      const [id = '', writer] = key.split(' ');
      const one = Number(kept.get(id)![`${writer}-one`]);
      expect(Number(kept.get(id)![`${writer}-two`])).toBe(one);
      // Later changes may have been made without an acknowledgement.
      expect(one).toBeGreaterThanOrEqual(value);
      expect(one).toBeLessThanOrEqual(sent.get(key)!);
    }
  });
});
