import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import { randomNumbers } from '../harness/random-numbers.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { comparable } from './harness/comparable.js';
import { GlanceClient, type GlanceImage } from './harness/glance-client.js';
import { Mirror, withImageApi } from './harness/mirror.js';
import { Reader } from './harness/reader.js';

const OPERATIONS = amount(250, 2_000);
/** The number of operations after which the test waits until the catalogue has caught up. */
const QUIET = 400;
/** The maximum number of images at a time. */
const MOST = 60;
/** The number of concurrent operations. */
const AT_ONCE = 4;

type Name = 'demo' | 'alt' | 'admin';

function suite(cloud: Cloud): void {
  const names: readonly Name[] = ['demo', 'alt', 'admin'];
  let mirror: Mirror;
  let glance: Record<Name, GlanceClient>;
  let front: Record<Name, GlanceClient>;
  let reader: Record<Name, Reader>;

  async function each<T>(make: (name: Name) => Promise<T>): Promise<Record<Name, T>> {
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await make(name)] as const)),
    ) as Record<Name, T>;
  }

  beforeAll(async () => {
    mirror = await Mirror.start(cloud, {
      GLIMPSE_SOURCE_ROUND: '1',
      ...withImageApi(cloud),
    });
    glance = await each((name) => GlanceClient.as(cloud, cloud.people[name]));
    const { service } = mirror;
    front = await each((name) => Promise.resolve(new GlanceClient(service.imageUrl, glance[name].token)));
    reader = await each((name) => Promise.resolve(new Reader(service, glance[name].token)));
    await until(async () => (await reader.demo.call('GET', '')).status === 200, 30_000);
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  it(`shows after ${OPERATIONS} operations what Glance shows, to each of three, at each quiet moment, by both APIs`, async () => {
    const random = randomNumbers(20_261_124);
    const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
    /** Each image's owner, and what was deleted. */
    const owners = new Map<string, 'demo' | 'alt'>();
    const deleted: string[] = [];
    /** A user's client of Glance, or of the mirror. */
    const at = (name: Name): GlanceClient => pick([glance, front])[name];
    const projects = { demo: cloud.people.demo.projectId, alt: cloud.people.alt.projectId };

    /** A user's operation on an image; where Glance refuses it, nothing changes. */
    const acts: Record<string, (id: string, owner: 'demo' | 'alt') => Promise<unknown>> = {
      upload: (id, owner) => at(owner).upload(id),
      set: (id, owner) => at(owner).set(id, { [`key-${random(5)}`]: String(random(100)) }),
      unset: (id, owner) => at(owner).patch(id, [{ op: 'remove', path: `/key-${random(5)}` }]),
      rename: (id, owner) => at(owner).set(id, { name: `name ${random(1000)}` }),
      // Only an administrator may publish.
      show: (id) => at('admin').set(id, { visibility: pick(['public', 'community', 'shared', 'private']) }),
      hide: (id, owner) => at(owner).set(id, { os_hidden: random(2) === 1 }),
      share: (id, owner) => at(owner).share(id, projects[owner === 'demo' ? 'alt' : 'demo']),
      unshare: (id, owner) => at(owner).unshare(id, projects[owner === 'demo' ? 'alt' : 'demo']),
      accept: (id, owner) => {
        const other = owner === 'demo' ? 'alt' : 'demo';
        return at(other).accept(id, projects[other], pick(['accepted', 'rejected', 'pending']));
      },
      deactivate: (id) => at('admin').deactivate(id),
      reactivate: (id) => at('admin').reactivate(id),
      'set by the Compute API': (id, owner) => reader[owner].set(id, { [`key-${random(5)}`]: 'mirror' }),
      'read by the Compute API': (id, owner) => reader[owner].status(id),
      'delete by the Compute API': async (id, owner) => {
        const { status } = await reader[owner].call('DELETE', `/${id}`);
        if (status === 204 && owners.delete(id)) deleted.push(id);
      },
      delete: async (id, owner) => {
        await at(owner).delete(id);
        if (owners.delete(id)) deleted.push(id);
      },
    };

    const operate = async (): Promise<void> => {
      const ids = [...owners.keys()];
      if (ids.length === 0 || (ids.length < MOST && random(4) === 0)) {
        const owner = pick(['demo', 'alt'] as const);
        const { id } = await at(owner).create({ visibility: pick(['shared', 'private', 'community']) });
        owners.set(id, owner);
        return;
      }
      const id = pick(ids);
      // Glance refuses some operations, such as an upload to a deactivated image or a second share.
      await acts[pick(Object.keys(acts))]!(id, owners.get(id)!).catch(() => undefined);
    };

    for (let done = 0; done < OPERATIONS; done += QUIET) {
      for (let n = 0; n < QUIET; n += AT_ONCE) await Promise.all(Array.from({ length: AT_ONCE }, operate));
      await mirror.isCaughtUp();
      for (const name of names) await compare(name, [...owners.keys()], deleted);
    }
  }, 3_600_000);

  /** Both views of a user, of the mirror and of Glance: lists, and each image by id. */
  async function compare(name: Name, ids: readonly string[], deleted: readonly string[]): Promise<void> {
    // By default Glance lists what is public, one's own, and what one has accepted; an administrator's list has all.
    const listed = async (client: GlanceClient): Promise<GlanceImage[]> => {
      const images = await client.list('limit=1000');
      return (comparable(images) as GlanceImage[]).sort((one, other) => (one.id < other.id ? -1 : 1));
    };
    const theirs = await listed(glance[name]);
    expect(await listed(front[name])).toEqual(theirs);
    expect(await reader[name].listed()).toEqual(theirs.map(({ id }) => id));
    for (const id of [...ids, ...deleted.slice(-20)]) {
      for (const target of [`/v2/images/${id}`, `/v2/images/${id}/members`]) {
        const [expected, actual] = [
          await glance[name].call('GET', target),
          await front[name].call('GET', target),
        ];
        const form = ({ status, body }: typeof expected): object => ({
          request: `${name}: GET ${target}`,
          status,
          ...(status < 300 && { body: comparable(body) }),
        });
        expect(form(actual)).toEqual(form(expected));
        if (!target.endsWith(id)) continue;
        const { status, body } = await reader[name].call('GET', `/${id}`);
        expect([id, status]).toEqual([id, expected.status]);
        if (status !== 200) continue;
        expect((body['image'] as GlanceImage)['name']).toBe((expected.body as GlanceImage)['name']);
      }
    }
  }
}

describeWithGlance('a random history of a real Glance', suite);
