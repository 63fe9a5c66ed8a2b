import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { GlanceBehaviour } from '@glimpse/glance/testing';
import { freePort } from '../harness/balancer.js';
import { query } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { grantRole, revokeRole } from '../keystone/harness/roles.js';
import { describeWithGlance } from './harness/cloud.js';
import { drainGlance, fillGlance } from './harness/fill-glance.js';
import { GlanceClient, emptyGlance } from './harness/glance-client.js';
import { glanceResponds, killGlance, signalGlance } from './harness/glance-process.js';
import { GlanceProxy } from './harness/glance-proxy.js';
import { Mirror } from './harness/mirror.js';
import { Reader } from './harness/reader.js';

const IMAGES = 6;
const MANY = amount(4_000, 10_000);
/** Milliseconds: several incremental syncs and a full sync. */
const A_WHILE = 4_000;
/** Milliseconds that a follower is paused at least: longer than its lease and the timeout of its requests. */
const STANDSTILL = amount(6_000, 20_000);

/** What a Glance does, and which requests it does it to. */
type Fault = [what: string, behaviour: GlanceBehaviour, only: RegExp];

const FAULTS: Fault[] = [
  ['answers half a page', 'half-body', /^/],
  ['never answers', 'hang', /^/],
  ['refuses the service’s token', { status: 401 }, /^/],
  ['has empty lists', { json: { images: [] } }, /^GET \/v2\/images\?/],
];
/** For the mirror these are much as others: in long runs only. */
const SIMILAR_FAULTS: Fault[] = [
  ['answers 500', { status: 500 }, /^/],
  ['speaks no JSON', 'not-json', /^/],
  ['cuts every connection', 'cut', /^/],
];

/** The memory of a process in MiB. */
function memoryOf({ pid }: { readonly pid: number }): number {
  const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))!;
  return Number(kilobytes) / 1024;
}

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let proxy: GlanceProxy;
  let mirror: Mirror;
  let glance: GlanceClient;
  let demo: Reader;
  /** The same user's client of the Image API. */
  let image: GlanceClient;
  let alt: Reader;
  let ids: string[];

  beforeAll(async () => {
    await emptyGlance(cloud);
    glance = await GlanceClient.as(cloud, people.demo);
    ids = [];
    for (let n = 0; n < IMAGES; n++) ids.push((await glance.create({ name: `image ${n}` })).id);
    ids.sort();
    proxy = await GlanceProxy.to(cloud.image);
    mirror = await Mirror.start(cloud, {
      GLIMPSE_GLANCE_URL: proxy.url,
      GLIMPSE_IMAGE_PORT: '0',
      GLIMPSE_GLANCE_TIMEOUT: '2',
      GLIMPSE_SOURCE_INTERVAL: '1',
      GLIMPSE_SOURCE_ROUND: '1',
    });
    demo = await Reader.as(cloud, people.demo, mirror.service);
    image = new GlanceClient(mirror.service.imageUrl, demo.token);
    alt = await Reader.as(cloud, people.alt, mirror.service);
    await until(async () => (await demo.call('GET', '')).status === 200, 30_000);
  }, 120_000);
  afterAll(async () => {
    await mirror?.stop();
    await proxy?.close();
  }, 30_000);

  /** Expects that old and new images are mirrored. */
  const recovers = async (): Promise<void> => {
    const { id } = await glance.create();
    await until(async () => (await demo.listed()).includes(id), 30_000);
    await glance.delete(id);
    await mirror.isCaughtUp();
    expect(await demo.listed()).toEqual(ids);
  };

  /** Expects 503 with `Retry-After` of a request for images of the Image API. */
  const expectUnavailable = async (
    client: GlanceClient,
    method: string,
    path: string,
    body?: object,
  ): Promise<void> => {
    const { status, headers } = await client.call(method, `/v2/images${path}`, { body });
    expect([method, path, status]).toEqual([method, path, 503]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  };

  describe('a Glance', () => {
    afterEach(() => proxy.behave('well'));

    it.each([...FAULTS, ...SIMILAR_FAULTS.slice(0, amount(0, SIMILAR_FAULTS.length))])(
      'that %s removes nothing, and is followed again when it has recovered',
      async (_what, behaviour, only) => {
        proxy.behave(behaviour, only);
        await sleep(A_WHILE);
        expect(await demo.listed()).toEqual(ids);
        for (const id of ids) expect(await demo.status(id)).toBe(200);
        proxy.behave('well');
        await recovers();
      },
      60_000,
    );

    it('that fails for one image does not make it a 404', async () => {
      for (const behaviour of [
        'half-body',
        { status: 500 },
        'not-json',
        'cut',
        'hang',
        { status: 401 },
      ] as const) {
        proxy.behave(behaviour);
        const { status, headers } = await demo.call('GET', `/${randomUUID()}`);
        expect([behaviour, status]).toEqual([behaviour, 503]);
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
    }, 60_000);

    it('that is killed blocks no reads, and refuses no change for good', async () => {
      killGlance(cloud);
      const change = await demo.set(ids[0]!, { mood: 'none' });
      expect([200, 503]).toContain(change.status);
      expect(await demo.listed()).toEqual(ids);
      for (const id of ids) expect(await demo.status(id)).toBe(200);
      await glanceResponds(cloud);
      await until(async () => (await demo.set(ids[0]!, { mood: 'good' })).status === 200, 30_000);
      expect(await glance.show(ids[0]!)).toMatchObject({ mood: 'good' });
      await recovers();
    }, 90_000);

    it('that hangs is served from the mirror, marked as stale when it is old, and in the end not at all', async () => {
      const age = (seconds: number) =>
        query(mirror.database, `UPDATE follower SET looked_at = clock_timestamp() - interval '${seconds} s'`);
      signalGlance(cloud, 'SIGSTOP');
      try {
        const changed = await demo.set(ids[1]!, { mood: 'none' });
        expect(changed.status).toBe(503);
        expect(Number(changed.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(await demo.status(ids[1]!)).toBe(200);

        await age(70);
        await until(async () => (await demo.status(ids[1]!)) === 203);
        for (const path of [`/${ids[1]}`, '', '/detail', `/${ids[1]}/metadata`]) {
          const { status, headers } = await demo.call('GET', path);
          expect([path, status]).toEqual([path, 203]);
          expect(Number(headers.get('age'))).toBeGreaterThanOrEqual(70);
        }
        for (const path of [`/${ids[1]}`, '', `/${ids[1]}/members`]) {
          const { status, headers } = await image.call('GET', `/v2/images${path}`);
          expect([path, status]).toEqual([path, 203]);
          expect(Number(headers.get('age'))).toBeGreaterThanOrEqual(70);
        }
        await age(3_700);
        await until(async () => (await demo.status(ids[1]!)) === 503);
        expect((await demo.call('GET', '')).status).toBe(503);
        for (const path of [`/${ids[1]}`, '', `/${ids[1]}/members`]) {
          await expectUnavailable(image, 'GET', path);
        }
      } finally {
        signalGlance(cloud, 'SIGCONT');
      }
      await until(async () => (await demo.status(ids[1]!)) === 200, 30_000);
      await recovers();
    }, 120_000);
  });

  it('serves the Image API’s reads while Glance accepts no connections, and refuses all else', async () => {
    await mirror.isCaughtUp();
    const glanceUrl = `http://127.0.0.1:${await freePort()}`;
    const replica = await mirror.serve({ GLIMPSE_GLANCE_URL: glanceUrl });
    try {
      const here = new GlanceClient(replica.imageUrl, demo.token);
      const id = ids[0]!;
      for (const path of ['', `/${id}`, `/${id}/members`, '?name=image%200']) {
        // A busy machine may need a second request.
        await until(async () => (await here.call('GET', `/v2/images${path}`)).status === 200);
      }
      for (let n = 0; n < 3; n++) {
        await expectUnavailable(here, 'GET', `/${id}/tasks`);
        await expectUnavailable(here, 'POST', '', {});
        await expectUnavailable(here, 'POST', `/${id}/members`, {});
        await expectUnavailable(here, 'DELETE', `/${id}`);
        await expectUnavailable(here, 'GET', `/${randomUUID()}`);
        const body = new TextEncoder().encode('content');
        expect((await here.call('PUT', `/v2/images/${id}/file`, { body })).status).toBe(502);
      }
      expect((await image.call('GET', `/v2/images/${id}`)).body).toMatchObject({ id, status: 'queued' });
    } finally {
      await replica.stop();
    }
  }, 60_000);

  it('whose user loses full visibility removes nothing, and reports it', async () => {
    const { id } = await glance.create({ visibility: 'private' });
    await until(async () => (await demo.listed()).includes(id));
    await revokeRole(cloud, people.glimpse, 'admin');
    try {
      await glance.delete(id);
      const follower = mirror.followers.at(-1)!;
      await until(() => /"source-unavailable".*lacks the role admin/.test(follower.log()), 45_000);
      await sleep(A_WHILE);
      expect(await demo.listed()).toEqual([...ids, id].sort());
      expect(await demo.status(randomUUID())).toBe(503);
    } finally {
      await grantRole(cloud, people.glimpse, 'admin');
    }
    await until(async () => !(await demo.listed()).includes(id), 45_000);
    await recovers();
  }, 180_000);

  it('serves other projects during a flood of made-up ids', async () => {
    const flood = Array.from({ length: 300 }, () => alt.status(randomUUID()));
    const statuses: number[] = [];
    for (let n = 0; n < 5; n++) {
      const { id } = await glance.create();
      statuses.push(await demo.status(id));
      await glance.delete(id);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 200]);
    const responses = new Set(await Promise.all(flood));
    expect([...responses].sort()).toEqual([404, 503]);
    await mirror.isCaughtUp();
  }, 120_000);

  it('has one active follower, another that takes the lease when that is paused, and ignores it when it resumes', async () => {
    await mirror.followers[0]!.stop();
    const port = String(await freePort());
    const first = mirror.follow({ GLIMPSE_METRICS_PORT: port });
    await until(() => /"follower-began"/.test(first.log()), 30_000);
    const second = mirror.follow();
    await until(() => /"follower-stands-by"/.test(second.log()), 30_000);
    const written = async (): Promise<string[]> => {
      const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      return page.match(/^glimpse_followed_images_total\{.*$/gm)!;
    };
    const before = await written();
    expect(before).toHaveLength(4);
    process.kill(first.pid, 'SIGSTOP');
    const paused = sleep(STANDSTILL);
    try {
      const { id } = await glance.create();
      await until(async () => (await demo.listed()).includes(id), 15_000);
      expect(second.log()).toMatch(/"follower-began"/);
      await paused;
      process.kill(first.pid, 'SIGCONT');
      await until(() => /"follower-stands-by"/.test(first.log()));
      await glance.delete(id);
      await mirror.isCaughtUp();
      expect((await mirror.followWith('--status')).stdout).toContain(` ${second.pid}\n`);
      expect(await written()).toEqual(before);
    } finally {
      process.kill(first.pid, 'SIGCONT');
    }
  }, 120_000);

  it(`is filled with ${MANY} images though it is killed twice on the way, in memory that does not grow with them`, async () => {
    fillGlance(cloud, people.demo, MANY);
    const other = await Mirror.start(cloud, { GLIMPSE_SOURCE_ROUND: '60' });
    try {
      const count = async (): Promise<number> => {
        const [row] = await query(other.database, 'SELECT count(*)::int AS count FROM images');
        return row!['count'] as number;
      };
      for (const reached of [MANY / 10, MANY * 0.3]) {
        await until(async () => (await count()) >= reached, 60_000);
        await other.followers.at(-1)!.stop('SIGKILL');
        other.follow();
      }
      const [, , last] = other.followers as [unknown, unknown, (typeof other.followers)[0]];
      await until(async () => (await count()) >= MANY / 2, 60_000);
      const halfway = memoryOf(last);
      const reader = await Reader.as(cloud, people.demo, other.service);
      expect([200, 503]).toContain((await reader.call('GET', '')).status);
      await until(async () => (await reader.call('GET', '')).status === 200, 60_000);
      expect(await count()).toBe(MANY + IMAGES);
      expect(memoryOf(last)).toBeLessThan(halfway * 1.5);
    } finally {
      await other.stop();
      drainGlance(cloud);
    }
  }, 240_000);
}

describeWithGlance('a mirror, when things break', suite);
