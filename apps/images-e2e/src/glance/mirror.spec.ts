import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { createCatalogue } from '../harness/catalogue.js';
import { databaseUrl, query } from '../harness/databases.js';
import { newFolder } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, type GlanceImage } from './harness/glance-client.js';
import { Mirror } from './harness/mirror.js';
import { Reader } from './harness/reader.js';

const MISSING_ID = '00000000-0000-4000-8000-0000000000ff';

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let mirror: Mirror;
  let demo: GlanceClient;
  let alt: GlanceClient;
  let reader: { demo: Reader; alt: Reader; admin: Reader };

  beforeAll(async () => {
    [demo, alt] = await Promise.all([
      GlanceClient.as(cloud, people.demo),
      GlanceClient.as(cloud, people.alt),
    ]);
    mirror = await Mirror.start(cloud, { GLIMPSE_SOURCE_ROUND: '2' });
    const as = (name: 'demo' | 'alt' | 'admin') => Reader.as(cloud, people[name], mirror.service);
    reader = { demo: await as('demo'), alt: await as('alt'), admin: await as('admin') };
    await until(async () => (await reader.demo.call('GET', '')).status === 200, 30_000);
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  const shared = (attributes: object = {}): Promise<GlanceImage> =>
    demo.createActive({ visibility: 'shared', ...attributes });

  describe('an image of Glance', () => {
    it('is shown by id as soon as it exists, to callers who may read it', async () => {
      const { id } = await shared({ name: 'at once' });
      const response = await reader.demo.call('GET', `/${id}`);
      expect(response.status).toBe(200);
      expect(response.body['image']).toMatchObject({ id, name: 'at once', status: 'ACTIVE' });
      expect(await reader.alt.status(id)).toBe(404);
      expect(await reader.admin.status(id)).toBe(200);
      expect(await reader.demo.status(MISSING_ID)).toBe(404);
    });

    it('links to Glance', async () => {
      const { id } = await shared();
      const { body } = await reader.demo.call('GET', `/${id}`);
      const { links } = body['image'] as { links: { rel: string; href: string }[] };
      expect(links.find(({ rel }) => rel === 'alternate')!.href).toBe(`${cloud.image}/images/${id}`);
    });

    it('is listed soon, changes, and is deleted, as in Glance', async () => {
      const { id } = await shared({ name: 'listed' });
      await until(async () => (await reader.demo.listed()).includes(id));
      await demo.set(id, { name: 'renamed', mood: 'good' });
      await until(async () => {
        const { body } = await reader.demo.call('GET', `/${id}`);
        return (body['image'] as { name: string }).name === 'renamed';
      });
      expect(await reader.demo.metadata(id)).toMatchObject({ mood: 'good' });
      await demo.delete(id);
      expect(await reader.demo.status(id, { 'cache-control': 'no-cache' })).toBe(404);
      await until(async () => !(await reader.demo.listed()).includes(id), 30_000);
      expect(await reader.demo.status(id)).toBe(404);
    });

    it('is shown to those it is shared with, listed when they accept, and not when that is withdrawn', async () => {
      const { id } = await shared();
      await until(async () => (await reader.demo.listed()).includes(id));
      await demo.share(id, people.alt.projectId);
      await demo.set(id, { touched: 'yes' });
      await until(async () => (await reader.alt.status(id)) === 200);
      expect(await reader.alt.listed()).not.toContain(id);
      await alt.accept(id, people.alt.projectId);
      await until(async () => (await reader.alt.listed()).includes(id), 30_000);
      await demo.unshare(id, people.alt.projectId);
      await until(async () => (await reader.alt.status(id)) === 404, 30_000);
    });
  });

  describe('a change', () => {
    it('is made in Glance as the user, and shown at once', async () => {
      const { id } = await shared({ kept: '1' });
      const { status, body } = await reader.demo.set(id, { mood: 'gööd', 'with/slash~': '' });
      expect([status, body['metadata']]).toMatchObject([400, undefined]);
      expect((await reader.demo.set(id, { mood: 'gööd' })).status).toBe(200);
      expect(await demo.show(id)).toMatchObject({ kept: '1', mood: 'gööd' });
      expect(await reader.demo.metadata(id)).toMatchObject({ kept: '1', mood: 'gööd' });
      expect((await reader.demo.call('DELETE', `/${id}/metadata/kept`)).status).toBe(204);
      expect(await demo.show(id)).not.toHaveProperty('kept');
      expect((await reader.demo.call('PUT', `/${id}/metadata`, { metadata: { only: '1' } })).status).toBe(
        200,
      );
      expect(await reader.demo.metadata(id)).toEqual({ only: '1' });
      expect((await reader.demo.call('DELETE', `/${id}`)).status).toBe(204);
      expect((await demo.call('GET', `/v2/images/${id}`)).status).toBe(404);
      expect(await reader.demo.status(id)).toBe(404);
    });

    it('that Glance refuses changes nothing', async () => {
      const { id } = await shared();
      await demo.share(id, people.alt.projectId);
      await until(async () => (await reader.alt.status(id)) === 200, 30_000);
      const refused = await reader.alt.set(id, { mood: 'bad' });
      expect(refused.status).toBe(403);
      // Glance reserves names that are no attributes of the Compute API.
      const reserved = await reader.demo.set(id, { os_hash_algo: 'md5' });
      expect(reserved.status).toBeGreaterThanOrEqual(400);
      expect(reserved.status).toBeLessThan(500);
      expect(await reader.demo.metadata(id)).not.toHaveProperty('mood');
      await demo.set(id, { protected: true });
      await until(async () => (await reader.demo.call('DELETE', `/${id}`)).status === 403);
      expect((await demo.show(id)).status).toBe('active');
      await demo.set(id, { protected: false });
    });

    it('loses no key when twelve are made at once', async () => {
      const { id } = await shared();
      const keys = Array.from({ length: 12 }, (_, at) => `key-${String(at).padStart(2, '0')}`);
      // A change waits for those before it for a limited time, which a slow Glance can exceed: the client repeats it.
      const setOnce = async (key: string): Promise<number> => {
        let { status } = await reader.demo.set(id, { [key]: '1' });
        for (let attempt = 1; status === 503 && attempt < 5; attempt++) {
          ({ status } = await reader.demo.set(id, { [key]: '1' }));
        }
        return status;
      };
      expect(await Promise.all(keys.map(setOnce))).toEqual(keys.map(() => 200));
      expect(Object.keys(await reader.demo.metadata(id)).sort()).toEqual(keys);
      const inGlance = Object.keys(await demo.show(id)).filter((name) => name.startsWith('key-'));
      expect(inGlance.sort()).toEqual(keys);
    }, 120_000);

    it('is made only to the state that the client names', async () => {
      const { id } = await shared();
      const { headers } = await reader.demo.call('GET', `/${id}/metadata`);
      const etag = headers.get('etag')!;
      await demo.set(id, { mood: 'changed in Glance' });
      expect((await reader.demo.set(id, { mood: 'late' }, { 'if-match': etag })).status).toBe(412);
      expect(await demo.show(id)).toMatchObject({ mood: 'changed in Glance' });
    });
  });

  describe('the command', () => {
    it('prints the status of the mirror, and finds no differences', async () => {
      await mirror.isCaughtUp();
      const { code, stdout } = await mirror.followWith('--status');
      expect(code).toBe(0);
      expect(stdout).toMatch(/^follower: +\S+ \d+$/m);
      expect(stdout).toMatch(/^last incremental sync: +\d+\.\d s ago$/m);
    }, 60_000);

    it('prints each difference', async () => {
      const { id } = await shared();
      await until(async () => (await reader.demo.listed()).includes(id));
      // Long enough for the comparison to run before the next incremental sync.
      const follower = mirror.followers[0]!;
      process.kill(follower.pid, 'SIGSTOP');
      await demo.set(id, { name: 'other' });
      await query(mirror.database, `UPDATE source_facts SET value = '{}' WHERE name = 'schemas/image'`);
      const { code, stdout } = await mirror.followWith('--check');
      process.kill(follower.pid, 'SIGCONT');
      expect(code).toBe(1);
      expect(stdout).toMatch(
        new RegExp(`^image ${id}: name is "other" in the source and null in the catalogue$`, 'm'),
      );
      expect(stdout.match(/^the document .*$/gm)).toEqual([
        "the document schemas/image differs from the source's; a follower reads it each minute",
      ]);
      expect(stdout).toMatch(/^\d+ differences$/m);
    }, 60_000);

    it('imports nothing, and refuses a catalogue that has images of its own', async () => {
      const database = await createCatalogue({
        images: [
          { id: MISSING_ID, status: 'active', visibility: 'public', created_at: '2026-01-01T00:00:00Z' },
        ],
      });
      const env = {
        DATABASE_URL: databaseUrl(database),
        GLIMPSE_DATA_DIR: newFolder(),
        GLIMPSE_SOURCE: 'glance',
        ...people.glimpse.env,
      };
      for (const command of ['follow', 'serve']) {
        const { code, stderr } = await glimpse([command], { ...env, GLIMPSE_PORT: '0' });
        expect(code).toBe(1);
        expect(stderr).toContain(
          'GLIMPSE_SOURCE = "glance" is not allowed: the catalogue holds images of its own',
        );
      }
      const { code, stderr } = await glimpse(['import', '-'], env, { input: '[]' });
      expect([code, stderr]).toEqual([
        1,
        'glimpse: GLIMPSE_SOURCE = "glance": nothing is imported into the mirror of a source\n',
      ]);
    }, 60_000);
  });
}

describeWithGlance('a Glimpse in front of a real Glance', suite);
