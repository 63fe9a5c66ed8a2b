import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { FakeKeystone } from '@glimpse/auth/testing';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { startFollower, type FollowerProcess } from '../harness/follower.js';
import { IDENTITIES, newFolder, startService, type Service } from '../harness/service.js';

const idOf = (n: number): string => `22222222-0000-4000-8000-${String(n).padStart(12, '0')}`;
/** Private images of another project: from 10 on. */
const HIDDEN = 20;

/**
 * A source whose behaviour is in files beside it, so that a test can change it while a process runs: it has no URL
 * without `url`, its page fails as often as there are letters in `failures`, and image 3 is there unless `gone` is.
 */
const SOURCE = `
  import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  const at = (name) => new URL(name, import.meta.url);
  const image = (n, more) => ({
    id: '22222222-0000-4000-8000-' + String(n).padStart(12, '0'), name: 'image ' + n, status: 'active', visibility: 'private', hidden: false, owner: 'another-project',
    protected: false, size: 1, minDisk: 0, minRam: 0, properties: {}, createdAt: new Date(1.7e12 + n * 1000),
    updatedAt: new Date(1.7e12), deleted: false, ...more,
  });
  const images = () => [
    image(1, { visibility: 'public', name: '\\u009b31m\\u202e' }),
    ...(existsSync(at('gone')) ? [] : [image(3, { visibility: 'community' })]),
    ...Array.from({ length: ${HIDDEN} }, (_, n) => image(10 + n)),
  ];
  const unavailable = (reason) => Object.assign(new Error(reason), { code: 'catalogue-unavailable', reason });
  const beThere = () => {
    if (existsSync(at('away'))) throw unavailable('it answers 502');
  };
  const source = {
    get url() { return existsSync(at('url')) ? 'http://images.example.com' : undefined; },
    missingReadAccess: async () => undefined,
    async page({ hidden }) {
      const failures = existsSync(at('failures')) ? readFileSync(at('failures'), 'utf8') : '';
      if (failures) writeFileSync(at('failures'), failures.slice(1));
      if (failures) throw unavailable('it answers 502');
      return { images: hidden ? [] : images(), bad: [], next: undefined };
    },
    newestChange: async () => { beThere(); return new Date(1.7e12); },
    image: async (id) => { await sleep(5); return images().find((each) => each.id === id); },
    members: async (imageId) => ({ imageId, members: new Map() }),
  };
  export default { kind: 'image-source', contract: 1, create: () => source };
`;

describe('glimpse follow, and serve, with a source', () => {
  let folderOfSource: string;
  let keystone: FakeKeystone;
  let token: string;
  let database: string;
  let settings: Record<string, string>;
  let follower: FollowerProcess;
  let service: Service;

  const has = (name: string): boolean => existsSync(join(folderOfSource, name));
  const set = (name: string, text = ''): void => writeFileSync(join(folderOfSource, name), text);
  const run = (...options: string[]): ReturnType<typeof glimpse> => glimpse(['follow', ...options], settings);

  beforeAll(async () => {
    folderOfSource = newFolder();
    set('source.mjs', SOURCE);
    database = await createDatabase('empty');
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'glimpse', password: 'a password', roles: ['service'] });
    const project = { kind: 'project', id: IDENTITIES['demo']!.project_id, name: 'demo' } as const;
    token = keystone.issue({ userName: 'demo', scope: project, roles: ['reader'] });
    settings = {
      GLIMPSE_IDENTITIES: '',
      OS_AUTH_URL: keystone.url,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: 'a password',
      OS_PROJECT_NAME: 'service',
      DATABASE_URL: databaseUrl(database),
      GLIMPSE_SOURCE: join(folderOfSource, 'source.mjs'),
      GLIMPSE_SOURCE_ROUND: '3600',
      GLIMPSE_SOURCE_INTERVAL: '1',
    };
    expect((await glimpse(['migrate'], settings)).code).toBe(0);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([service?.stop(), follower?.stop()]);
    await keystone?.close();
  }, 60_000);

  it('--status reports by its exit code that no process follows, and prints the status of the mirror as JSON', async () => {
    const text = await run('--status');
    expect({ code: text.code, stderr: text.stderr }).toEqual({ code: 3, stderr: '' });
    expect(text.stdout).toMatch(/^follower: +none\nimages: +0, not all yet\nlast incremental sync: +never\n/);
    const { code, stdout } = await run('--status', '--json');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toEqual({
      follower: null,
      images: 0,
      complete: false,
      attributesFilled: false,
      incrementalSyncAge: null,
      fullSyncAt: null,
      fullSync: null,
      lastLookAge: null,
      lastWalk: null,
      walk: null,
      members: { unread: 0, oldest: 0, oldestNone: 0 },
      refusedRemovals: 0,
      acceptsRemovals: false,
    });
    follower = await startFollower(settings);
    await until(() => follower.log().includes('"full-sync-ended"'), 60_000);
    const following = await run('--status', '--json');
    expect(following.code).toBe(0);
    const { lastLookAge, lastWalk, ...status } = JSON.parse(following.stdout) as Record<string, unknown>;
    expect(status).toMatchObject({
      follower: expect.stringMatching(/ \d+$/),
      images: HIDDEN + 2,
      complete: true,
      attributesFilled: true,
      incrementalSyncAge: lastLookAge,
      fullSyncAt: lastWalk,
    });
    expect([lastLookAge, lastWalk]).toEqual([expect.any(Number), expect.any(String)]);
  }, 120_000);

  it('--json alone is refused', async () => {
    expect(await run('--json')).toEqual({
      code: 1,
      stdout: '',
      stderr: 'glimpse: --json is allowed with --status only\n',
    });
  });

  it('--check retries transient failures, and reports in one line that a source is unavailable', async () => {
    await follower.stop();
    set('failures', 'xxx');
    expect(await run('--check')).toEqual({ code: 0, stdout: 'no differences\n', stderr: '' });
    set('failures', 'x'.repeat(100));
    expect(await run('--check')).toEqual({
      code: 1,
      stdout: '',
      stderr: expect.stringMatching(
        /^glimpse: the source is unavailable: it answers 502; .*GLIMPSE_GLANCE_URL.*\n$/,
      ),
    });
    set('failures');
  }, 120_000);

  it('is ready only when it knows the base of links to images', async () => {
    const starting = startService(database, { ...settings, GLIMPSE_IMAGE_URL: '', GLIMPSE_PORT: '0' });
    let isReady = false;
    void starting.then(() => (isReady = true));
    await sleep(4_000);
    expect([isReady, has('url')]).toEqual([false, false]);
    set('url');
    service = await starting;
    const response = await fetch(`${service.url}/v2.1/images`, {
      headers: { 'x-auth-token': token },
    });
    // Stale on a slow machine, because no process follows meanwhile.
    expect([200, 203]).toContain(response.status);
  }, 60_000);

  describe('a replica', () => {
    const health = async (): Promise<object> =>
      ((await (await fetch(`${service.url}/healthz`)).json()) as { details: object }).details;
    const gauge = async (): Promise<string | undefined> => {
      const metrics = await (await fetch(`${service.url}/metrics`)).text();
      return /^glimpse_dependency_available\{dependency="source"\} (\d)$/m.exec(metrics)?.[1];
    };

    it('reports in /healthz that its source is unavailable, and detects by itself that it is back', async () => {
      await until(async () => (await gauge()) === '1');
      expect(await health()).toMatchObject({ source: { status: 'up' } });
      set('away');
      // Responses to probes share a check for some seconds.
      await until(async () => (await fetch(`${service.url}/healthz`)).status === 503, 30_000);
      expect(await health()).toMatchObject({ source: { status: 'down' }, database: { status: 'up' } });
      expect(await gauge()).toBe('0');
      rmSync(join(folderOfSource, 'away'));
      await until(async () => (await gauge()) === '1', 30_000);
      expect(await health()).toMatchObject({ source: { status: 'up' } });
    }, 60_000);
  });

  describe('a read', () => {
    const show = (id: string, headers: Record<string, string> = {}): Promise<Response> =>
      fetch(`${service.url}/v2.1/images/${id}`, { headers: { 'x-auth-token': token, ...headers } });
    beforeAll(async () => {
      follower = await startFollower(settings);
      await until(async () => (await show(idOf(1))).status === 200, 30_000);
    }, 60_000);
    it('with no-cache of an image that the source has deleted removes it for every reader', async () => {
      expect((await show(idOf(3))).status).toBe(200);
      set('gone');
      expect((await show(idOf(3))).status).toBe(200);
      expect((await show(idOf(3), { 'cache-control': 'no-cache' })).status).toBe(404);
      for (let times = 0; times < 3; times++) expect((await show(idOf(3))).status).toBe(404);
      await sleep(1_100);
      expect((await show(idOf(3))).status).toBe(404);
    }, 60_000);

    it('takes as long for an image of another project as for an unknown id', async () => {
      const times = { hidden: [] as number[], nowhere: [] as number[] };
      for (let n = 0; n < HIDDEN; n++) {
        for (const kind of n % 2 ? (['hidden', 'nowhere'] as const) : (['nowhere', 'hidden'] as const)) {
          const id = kind === 'hidden' ? idOf(10 + n) : idOf(100 + n);
          const began = performance.now();
          const { status } = await show(id);
          times[kind].push(performance.now() - began);
          expect([kind, status]).toEqual([kind, 404]);
        }
      }
      const median = (values: number[]): number =>
        values.sort((one, other) => one - other)[values.length / 2]!;
      const ratio = median(times.hidden) / median(times.nowhere);
      expect(ratio).toBeGreaterThan(0.5);
      expect(ratio).toBeLessThan(2);
    }, 60_000);
  });
});
