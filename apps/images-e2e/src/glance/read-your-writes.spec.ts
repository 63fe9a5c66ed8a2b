import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import { randomNumbers } from '../harness/random-numbers.js';
import type { Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { Caller, untilAllSame } from './harness/caller.js';
import { describeWithGlance } from './harness/cloud.js';
import { emptyGlance } from './harness/glance-client.js';
import { Mirror, withImageApi } from './harness/mirror.js';

const OPERATIONS = amount(36, 2_000);
/** After how many operations the test waits until none runs, and compares everything. */
const QUIET = 18;
const AT_ONCE = 3;
const MOST = 20;
/** Neither an incremental nor a full sync comes in time to show what a replica should have. */
const RARELY = { GLIMPSE_SOURCE_INTERVAL: '20', GLIMPSE_SOURCE_ROUND: '86400' };

const NAMES = ['demo', 'alt', 'admin'] as const;
type Name = (typeof NAMES)[number];
type Owner = 'demo' | 'alt';

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let mirror: Mirror;
  let other: Service | undefined;
  const callers = {} as Record<Name, Caller>;
  const owners = new Map<string, Owner>();
  const deleted: string[] = [];

  beforeAll(async () => {
    await emptyGlance(cloud);
    mirror = await Mirror.start(cloud, {
      ...RARELY,
      ...withImageApi(cloud),
    });
    const [near, far] = [mirror.service, await mirror.serve()];
    other = far;
    for (const name of NAMES) {
      const caller = (callers[name] = await Caller.as(cloud, name, [near, far]));
      await until(async () => (await caller.image[0]!.call('GET', '/v2/images')).status === 200, 60_000);
    }
  }, 240_000);
  afterAll(() => Promise.all([other?.stop(), mirror?.stop()]), 30_000);

  const random = randomNumbers(20_261_130);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const otherOf = (owner: Owner): Owner => (owner === 'demo' ? 'alt' : 'demo');

  /** Operations on an image through a replica; what Glance refuses changes nothing. */
  const acts: Record<string, (id: string, owner: Owner, at: number) => Promise<unknown>> = {
    upload: (id, owner, at) => callers[owner].image[at]!.upload(id),
    set: (id, owner, at) => callers[owner].image[at]!.set(id, { [`key-${random(5)}`]: `${random(100)}` }),
    unset: (id, owner, at) =>
      callers[owner].image[at]!.patch(id, [{ op: 'remove', path: `/key-${random(5)}` }]),
    rename: (id, owner, at) => callers[owner].image[at]!.set(id, { name: `name ${random(1000)}` }),
    show: (id, _owner, at) =>
      callers.admin.image[at]!.set(id, { visibility: pick(['public', 'community', 'shared', 'private']) }),
    hide: (id, owner, at) => callers[owner].image[at]!.set(id, { os_hidden: random(3) === 0 }),
    tag: (id, owner, at) => callers[owner].image[at]!.call('PUT', `/v2/images/${id}/tags/t${random(3)}`),
    untag: (id, owner, at) => callers[owner].image[at]!.call('DELETE', `/v2/images/${id}/tags/t${random(3)}`),
    share: (id, owner, at) => callers[owner].image[at]!.share(id, people[otherOf(owner)].projectId),
    unshare: (id, owner, at) => callers[owner].image[at]!.unshare(id, people[otherOf(owner)].projectId),
    accept: (id, owner, at) => {
      const other = otherOf(owner);
      const status = pick(['accepted', 'accepted', 'rejected', 'pending']);
      return callers[other].image[at]!.accept(id, people[other].projectId, status);
    },
    deactivate: (id, _owner, at) => callers.admin.image[at]!.deactivate(id),
    reactivate: (id, _owner, at) => callers.admin.image[at]!.reactivate(id),
    'set metadata': (id, owner, at) =>
      callers[owner].compute[at]!.set(id, { [`key-${random(5)}`]: 'compute' }),
    delete: async (id, owner, at) => {
      const { status } = await callers[owner].image[at]!.call('DELETE', `/v2/images/${id}`);
      if (status === 204 && owners.delete(id)) deleted.push(id);
    },
    'delete by the Compute API': async (id, owner, at) => {
      const { status } = await callers[owner].compute[at]!.call('DELETE', `/${id}`);
      if (status === 204 && owners.delete(id)) deleted.push(id);
    },
  };

  async function create(at: number): Promise<void> {
    const owner = pick(['demo', 'alt'] as const);
    const visibility = pick(['shared', 'private', 'community', 'shared']);
    const { id } = await callers[owner].image[at]!.create({ visibility });
    owners.set(id, owner);
    await callers[owner].expectSameImage(id, at);
  }

  async function operate(): Promise<void> {
    const at = random(2);
    const ids = [...owners.keys()];
    if (ids.length === 0 || (ids.length < MOST && random(4) === 0)) return create(at);
    const id = pick(ids);
    await acts[pick(Object.keys(acts))]!(id, owners.get(id)!, at).catch(() => undefined);
  }

  it(`shows after each of ${OPERATIONS} operations through two replicas what Glance shows, to each of three`, async () => {
    for (let done = 0; done < OPERATIONS; done += QUIET) {
      for (let n = 0; n < QUIET; n += AT_ONCE) {
        // One alone shows at once where it was made, the others at a quiet moment.
        const at = random(2);
        const id = pick([...owners.keys(), '']);
        if (id !== '') {
          const owner = owners.get(id)!;
          await acts[pick(Object.keys(acts))]!(id, owner, at).catch(() => undefined);
          await callers[owner].expectSameImage(id, at);
          await callers[owner].expectSameLists(at);
        }
        await Promise.all(Array.from({ length: AT_ONCE - 1 }, operate));
      }
      // Another replica shows changes with their notifications.
      await untilAllSame(Object.values(callers), [...owners.keys(), ...deleted.slice(-5)]);
    }
    expect(owners.size + deleted.length).toBeGreaterThan(5);
  }, 3_600_000);
}

describeWithGlance('changes that pass through a mirror to a real Glance', suite);
