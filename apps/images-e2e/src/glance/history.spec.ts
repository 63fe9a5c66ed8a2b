import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import { randomNumbers } from '../harness/random-numbers.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient } from './harness/glance-client.js';
import { Mirror } from './harness/mirror.js';
import { Reader } from './harness/reader.js';

const OPERATIONS = amount(250, 4_000);
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
  let reader: Record<Name, Reader>;

  async function each<T>(make: (name: Name) => Promise<T>): Promise<Record<Name, T>> {
    return Object.fromEntries(
      await Promise.all(names.map(async (name) => [name, await make(name)] as const)),
    ) as Record<Name, T>;
  }

  beforeAll(async () => {
    mirror = await Mirror.start(cloud, { GLIMPSE_SOURCE_ROUND: '1' });
    glance = await each((name) => GlanceClient.as(cloud, cloud.people[name]));
    reader = await each((name) => Reader.as(cloud, cloud.people[name], mirror.service));
    await until(async () => (await reader.demo.call('GET', '')).status === 200, 30_000);
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  it(`shows after ${OPERATIONS} operations what Glance shows, to each of three, at each quiet moment`, async () => {
    const random = randomNumbers(20_261_124);
    const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
    /** Each image's owner, and what was deleted. */
    const owners = new Map<string, 'demo' | 'alt'>();
    const deleted: string[] = [];
    const projects = { demo: cloud.people.demo.projectId, alt: cloud.people.alt.projectId };

    /** A user's operation on an image; where Glance refuses it, nothing changes. */
    const acts: Record<string, (id: string, owner: 'demo' | 'alt') => Promise<unknown>> = {
      upload: (id, owner) => glance[owner].upload(id),
      set: (id, owner) => glance[owner].set(id, { [`key-${random(5)}`]: String(random(100)) }),
      unset: (id, owner) => glance[owner].patch(id, [{ op: 'remove', path: `/key-${random(5)}` }]),
      rename: (id, owner) => glance[owner].set(id, { name: `name ${random(1000)}` }),
      // Only an administrator may publish.
      show: (id) => glance.admin.set(id, { visibility: pick(['public', 'community', 'shared', 'private']) }),
      hide: (id, owner) => glance[owner].set(id, { os_hidden: random(2) === 1 }),
      share: (id, owner) => glance[owner].share(id, projects[owner === 'demo' ? 'alt' : 'demo']),
      unshare: (id, owner) => glance[owner].unshare(id, projects[owner === 'demo' ? 'alt' : 'demo']),
      accept: (id, owner) => {
        const other = owner === 'demo' ? 'alt' : 'demo';
        return glance[other].accept(id, projects[other], pick(['accepted', 'rejected', 'pending']));
      },
      deactivate: (id) => glance.admin.deactivate(id),
      reactivate: (id) => glance.admin.reactivate(id),
      'set through the mirror': (id, owner) => reader[owner].set(id, { [`key-${random(5)}`]: 'mirror' }),
      'read through the mirror': (id, owner) => reader[owner].status(id),
      'delete through the mirror': async (id, owner) => {
        const { status } = await reader[owner].call('DELETE', `/${id}`);
        if (status === 204 && owners.delete(id)) deleted.push(id);
      },
      delete: async (id, owner) => {
        await glance[owner].delete(id);
        if (owners.delete(id)) deleted.push(id);
      },
    };

    const operate = async (): Promise<void> => {
      const ids = [...owners.keys()];
      if (ids.length === 0 || (ids.length < MOST && random(4) === 0)) {
        const owner = pick(['demo', 'alt'] as const);
        const { id } = await glance[owner].create({ visibility: pick(['shared', 'private', 'community']) });
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
  }, 600_000);

  /** Both views of a user, of the mirror and of Glance: lists, and each image by id. */
  async function compare(name: Name, ids: readonly string[], deleted: readonly string[]): Promise<void> {
    const listed = (await glance[name].list('limit=1000')).map(({ id }) => id).sort();
    const ours = await reader[name].listed();
    // By default Glance lists what is public, one's own, and what one has accepted; an administrator's list has all.
    expect(ours).toEqual(listed);
    const shown = async (id: string): Promise<unknown> => {
      const theirs = await glance[name].call('GET', `/v2/images/${id}`);
      const [status, mine] = [theirs.status, await reader[name].call('GET', `/${id}`)];
      expect([id, mine.status]).toEqual([id, status]);
      if (status !== 200) return;
      const { name: theirName } = theirs.body as { name: string | null };
      expect((mine.body['image'] as { name: string | null }).name).toBe(theirName);
    };
    for (const id of [...ids, ...deleted.slice(-20)]) await shown(id);
  }
}

describeWithGlance('a random history of a real Glance', suite);
