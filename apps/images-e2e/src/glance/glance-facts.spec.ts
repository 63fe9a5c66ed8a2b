import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { authenticate, byPassword, ownProject, type Cloud } from '../keystone/harness/cloud.js';
import { grantRole, revokeRole } from '../keystone/harness/roles.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, type GlanceResponse, type GlanceImage } from './harness/glance-client.js';

const SORTED = 'sort=created_at:asc,id:asc';
const WHOLE_SECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

function ids(images: readonly GlanceImage[]): string[] {
  return images.map(({ id }) => id);
}

/** Waits until Glance's clock is a second past all times so far. */
function nextSecond(): Promise<void> {
  return sleep(1_100);
}

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let demo: GlanceClient;
  let reader: GlanceClient;
  let alt: GlanceClient;
  /** With Glance's role admin, as a mirror needs it. */
  let service: GlanceClient;

  beforeAll(async () => {
    [demo, reader, alt, service] = await Promise.all([
      GlanceClient.as(cloud, people.demo),
      GlanceClient.as(cloud, people.reader),
      GlanceClient.as(cloud, people.alt),
      GlanceClient.as(cloud, people.glimpse),
    ]);
  });

  describe('lists', () => {
    it('show others’ community images only with visibility=all, even to an administrator', async () => {
      const { id } = await demo.create({ visibility: 'community' });
      expect(ids(await service.list('limit=1000'))).not.toContain(id);
      expect(ids(await service.list('limit=1000&visibility=all'))).toContain(id);
    });

    it('have hidden images or the others, never both', async () => {
      const [hidden, shown] = [await demo.create({ os_hidden: true }), await demo.create()];
      const all = 'limit=1000&visibility=all';
      const inList = async (query: string): Promise<boolean[]> => {
        const found = new Set(ids(await service.list(query)));
        return [found.has(hidden.id), found.has(shown.id)];
      };
      expect(await inList(all)).toEqual([false, true]);
      expect(await inList(`${all}&os_hidden=false`)).toEqual([false, true]);
      expect(await inList(`${all}&os_hidden=true`)).toEqual([true, false]);
    });

    it('are sorted by time of creation, finer than they show it, and continue after a marker', async () => {
      for (let n = 0; n < 6; n++) await demo.create({ name: `sorted ${n}` });
      const whole = await service.list(`limit=1000&visibility=all&${SORTED}`);
      const times = whole.map(({ created_at }) => created_at);
      // Within a second neither time nor id determines the order: SQLite stores microseconds, which are not shown.
      expect(times).toEqual([...times].sort());
      const listed: GlanceImage[] = [];
      for (let marker = ''; ;) {
        const page = await service.list(`limit=2&visibility=all&${SORTED}${marker}`);
        if (page.length === 0) break;
        listed.push(...page);
        marker = `&marker=${page.at(-1)!.id}`;
      }
      expect(ids(listed)).toEqual(ids(whole));
    });

    it('name the next page only when this one is full', async () => {
      const { body: full } = await service.call('GET', '/v2/images?limit=1&visibility=all');
      const { body: last } = await service.call('GET', '/v2/images?limit=1000&visibility=all');
      expect(full).toHaveProperty('next', expect.stringContaining('/v2/images?'));
      expect(last).not.toHaveProperty('next');
    });

    it('continue after a marker that has been hidden or deleted meanwhile, and refuse an unknown one', async () => {
      const [hidden, deleted, next] = [await demo.create(), await demo.create(), await demo.create()];
      await demo.set(hidden.id, { os_hidden: true });
      await demo.delete(deleted.id);
      await nextSecond();
      const later = await demo.create();
      for (const marker of [hidden.id, deleted.id]) {
        const query = `limit=1000&visibility=all&os_hidden=false&${SORTED}&marker=${marker}`;
        const page = ids(await service.list(query));
        expect(page).toContain(later.id);
      }
      expect(next.status).toBe('queued');
      const unknown = `/v2/images?visibility=all&${SORTED}&marker=${randomUUID()}`;
      expect(await service.call('GET', unknown)).toMatchObject({
        status: 400,
        body: expect.stringContaining('No image found with ID'),
      });
    });

    it('continue after the current place of the marker: an order by time of change skips images', async () => {
      const [first, second] = [await demo.create(), await demo.create()];
      await nextSecond();
      await demo.set(first.id, { touched: 'yes' });
      const query = 'limit=1000&visibility=all&sort=updated_at:asc,id:asc';
      expect(ids(await service.list(`${query}&marker=${first.id}`))).not.toContain(second.id);
    });

    it('filter by times, written as they are', async () => {
      const before = await demo.create();
      await nextSecond();
      const after = await demo.create();
      const all = 'limit=1000&visibility=all';
      const since = async (name: string): Promise<string[]> =>
        ids(await service.list(`${all}&${name}=gte:${after.created_at}`));
      expect(await since('created_at')).toContain(after.id);
      expect(await since('created_at')).not.toContain(before.id);
      expect(await since('updated_at')).not.toContain(before.id);
      await demo.set(before.id, { touched: 'yes' });
      expect(await since('updated_at')).toEqual(expect.arrayContaining([before.id, after.id]));
      expect(await since('created_at')).not.toContain(before.id);
    });

    it('accept any limit, and cap it at the page size', async () => {
      const { status } = await service.call('GET', '/v2/images?limit=1000000');
      expect(status).toBe(200);
    });
  });

  describe('times', () => {
    it('have whole seconds: changes within one cannot be distinguished', async () => {
      const { id } = await demo.create();
      const times = new Set<string>();
      for (let n = 0; n < 4; n++) {
        await demo.set(id, { change: `${n}` });
        times.add((await demo.show(id)).updated_at);
      }
      expect([...times].every((time) => WHOLE_SECONDS.test(time))).toBe(true);
      expect(times.size).toBeLessThan(4);
    });

    it('do not change when a member is added, accepts or is removed', async () => {
      const { id, updated_at } = await demo.create();
      await nextSecond();
      await demo.share(id, people.alt.projectId);
      await alt.accept(id, people.alt.projectId);
      expect((await service.show(id)).updated_at).toBe(updated_at);
      await demo.unshare(id, people.alt.projectId);
      expect((await service.show(id)).updated_at).toBe(updated_at);
    });
  });

  describe('members', () => {
    it('are all shown to the owner and an administrator; to a member, the member alone', async () => {
      const { id, visibility } = await demo.create();
      expect(visibility).toBe('shared');
      await demo.share(id, people.alt.projectId);
      await demo.share(id, people.admin.projectId);
      expect(await demo.members(id)).toHaveLength(2);
      expect(await service.members(id)).toHaveLength(2);
      expect((await alt.members(id)).map(({ member_id }) => member_id)).toEqual([people.alt.projectId]);
    });

    it('are refused of an image that is not shared', async () => {
      const { id } = await demo.create({ visibility: 'community' });
      expect(await service.call('GET', `/v2/images/${id}/members`)).toMatchObject({
        status: 403,
        body: expect.stringContaining('Only shared images have members.'),
      });
      const { status } = await service.call('GET', `/v2/images/${randomUUID()}/members`);
      expect(status).toBe(404);
    });
  });

  describe('without the role admin', () => {
    afterEach(() => grantRole(cloud, people.glimpse, 'admin'));

    it('the service gets fewer images, without a sign that some are missing', async () => {
      const [open, closed] = [
        await demo.create({ visibility: 'community' }),
        await demo.create({ visibility: 'private' }),
      ];
      await revokeRole(cloud, people.glimpse, 'admin');
      const fewer = await GlanceClient.as(cloud, people.glimpse);
      const { status, body } = await fewer.call('GET', '/v2/images?limit=1000&visibility=all');
      expect(status).toBe(200);
      expect(body).not.toHaveProperty('next');
      const found = ids((body as { images: GlanceImage[] }).images);
      expect(found).toContain(open.id);
      expect(found).not.toContain(closed.id);
      expect((await fewer.call('GET', `/v2/images/${closed.id}`)).status).toBe(404);
      expect((await fewer.call('GET', `/v2/images/${open.id}`)).status).toBe(200);
    });
  });

  describe('a change', () => {
    const add = (path: string, value: unknown = 'x') => ({ op: 'add' as const, path, value });
    let image: GlanceImage;

    beforeAll(async () => {
      image = await demo.createActive({ visibility: 'community' });
    });

    function expectRefused({ status, body }: GlanceResponse, expected: number, text: string): void {
      expect({ status, body }).toEqual({ status: expected, body: expect.stringContaining(text) });
    }

    it('is 413 beyond the quota of properties', async () => {
      const response = await demo.patch(
        image.id,
        Array.from({ length: 129 }, (_, n) => add(`/key${n}`)),
      );
      expectRefused(response, 413, 'Maximum: 128');
    });

    it.each([
      ['/checksum', 'read-only'],
      ['/self', 'read-only'],
      ['/deleted', 'reserved'],
      ['/os_glance_anything', 'reserved'],
    ])('is 403 of %s', async (path, text) => {
      expectRefused(await demo.patch(image.id, [add(path)]), 403, text);
    });

    it('is 400 of a value or name that Glance cannot store', async () => {
      expectRefused(await demo.patch(image.id, [add('/number', 7)]), 400, 'is not of type');
      expectRefused(await demo.patch(image.id, [add('/face😀')]), 400, '4 byte unicode');
    });

    it('is 409 when it removes what is not there', async () => {
      const response = await demo.patch(image.id, [{ op: 'remove', path: '/nothing' }]);
      expectRefused(response, 409, 'Property nothing does not exist.');
    });

    it('is 403 of another’s image that is visible, 404 of one that is not', async () => {
      expectRefused(await alt.patch(image.id, [add('/mine')]), 403, 'You do not own this image');
      const { id } = await demo.create({ visibility: 'private' });
      expectRefused(await alt.patch(id, [add('/mine')]), 404, 'No image found');
      expectRefused(await demo.patch(randomUUID(), [add('/mine')]), 404, 'No image found');
    });

    it('accepts names with characters that JSON pointers escape, and empty names and values', async () => {
      await demo.patch(image.id, [add('/a~1b~0c'), add('/', ''), add('/Ünï')]);
      expect(await demo.show(image.id)).toMatchObject({ 'a/b~c': 'x', '': '', Ünï: 'x' });
    });

    it('is made for a reader, too: Glance’s own policy ignores the role', async () => {
      expect((await reader.patch(image.id, [add('/read')])).status).toBe(200);
    });

    it('silently loses keys when many change one image at once', async () => {
      const { id } = await demo.create();
      const responses = await Promise.all(
        Array.from({ length: 12 }, (_, n) => demo.patch(id, [add(`/merged${n}`)])),
      );
      expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
      const kept = Object.keys(await demo.show(id)).filter((name) => name.startsWith('merged'));
      expect(kept.length).toBeLessThan(12);
    });

    it('succeeds with an expired token beside a service’s token, and with no other', async () => {
      const expired = await authenticate(
        cloud.shortLivedAuthUrl,
        byPassword(people.demo),
        ownProject(people.demo),
      );
      await sleep((cloud.shortLived + 1) * 1000);
      const late = new GlanceClient(cloud.image, expired);
      expect((await late.patch(image.id, [add('/late')])).status).toBe(401);
      const byUser = { 'x-service-token': alt.token };
      expect((await late.patch(image.id, [add('/late')], byUser)).status).toBe(401);
      const byService = { 'x-service-token': service.token };
      expect((await late.patch(image.id, [add('/late')], byService)).status).toBe(200);
    });
  });

  describe('a deletion', () => {
    it('is 403 of a protected image', async () => {
      const { id } = await demo.create({ protected: true });
      expect(await demo.call('DELETE', `/v2/images/${id}`)).toMatchObject({
        status: 403,
        body: expect.stringContaining('is protected and cannot be deleted.'),
      });
    });

    it('is 403 of another’s image that is visible', async () => {
      const { id } = await demo.create({ visibility: 'community' });
      expect(await alt.call('DELETE', `/v2/images/${id}`)).toMatchObject({
        status: 403,
        body: expect.stringContaining('You do not own this image'),
      });
    });

    it('is 404 of a missing image, and so is the image afterwards, to administrators as well', async () => {
      const { id } = await demo.create();
      await demo.delete(id);
      for (const method of ['DELETE', 'GET']) {
        expect((await service.call(method, `/v2/images/${id}`)).status).toBe(404);
      }
    });
  });
}

describeWithGlance('the behaviour of Glance that a mirror depends on', suite);
