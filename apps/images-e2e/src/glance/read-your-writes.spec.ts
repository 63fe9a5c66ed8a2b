import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import { randomNumbers } from '../harness/random-numbers.js';
import type { Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { comparable } from './harness/comparable.js';
import { GlanceClient, emptyGlance, type GlanceImage } from './harness/glance-client.js';
import { Mirror } from './harness/mirror.js';
import { Reader } from './harness/reader.js';

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

/** A caller's clients of Glance, and of the Image and the Compute API of each replica. */
interface Clients {
  readonly glance: GlanceClient;
  readonly image: readonly GlanceClient[];
  readonly compute: readonly Reader[];
}

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let mirror: Mirror;
  let other: Service | undefined;
  const clients = {} as Record<Name, Clients>;
  const owners = new Map<string, Owner>();
  const deleted: string[] = [];

  beforeAll(async () => {
    await emptyGlance(cloud);
    mirror = await Mirror.start(cloud, {
      ...RARELY,
      GLIMPSE_IMAGE_PORT: '0',
      GLIMPSE_GLANCE_URL: cloud.image,
    });
    const [near, far] = [mirror.service, await mirror.serve()];
    other = far;
    for (const name of NAMES) {
      const glance = await GlanceClient.as(cloud, people[name]);
      const image = [near, far].map(({ imageUrl }) => new GlanceClient(imageUrl, glance.token));
      clients[name] = {
        glance,
        image,
        compute: [near, far].map((service) => new Reader(service, glance.token)),
      };
      await until(async () => (await image[0]!.call('GET', '/v2/images')).status === 200, 60_000);
    }
  }, 240_000);
  afterAll(() => Promise.all([other?.stop(), mirror?.stop()]), 30_000);

  const random = randomNumbers(20_261_130);
  const pick = <T>(list: readonly T[]): T => list[random(list.length)]!;
  const otherOf = (owner: Owner): Owner => (owner === 'demo' ? 'alt' : 'demo');

  /** Operations on an image through a replica; what Glance refuses changes nothing. */
  const acts: Record<string, (id: string, owner: Owner, at: number) => Promise<unknown>> = {
    upload: (id, owner, at) => clients[owner].image[at]!.upload(id),
    set: (id, owner, at) => clients[owner].image[at]!.set(id, { [`key-${random(5)}`]: `${random(100)}` }),
    unset: (id, owner, at) =>
      clients[owner].image[at]!.patch(id, [{ op: 'remove', path: `/key-${random(5)}` }]),
    rename: (id, owner, at) => clients[owner].image[at]!.set(id, { name: `name ${random(1000)}` }),
    show: (id, _owner, at) =>
      clients.admin.image[at]!.set(id, { visibility: pick(['public', 'community', 'shared', 'private']) }),
    hide: (id, owner, at) => clients[owner].image[at]!.set(id, { os_hidden: random(3) === 0 }),
    tag: (id, owner, at) => clients[owner].image[at]!.call('PUT', `/v2/images/${id}/tags/t${random(3)}`),
    untag: (id, owner, at) => clients[owner].image[at]!.call('DELETE', `/v2/images/${id}/tags/t${random(3)}`),
    share: (id, owner, at) => clients[owner].image[at]!.share(id, people[otherOf(owner)].projectId),
    unshare: (id, owner, at) => clients[owner].image[at]!.unshare(id, people[otherOf(owner)].projectId),
    accept: (id, owner, at) => {
      const other = otherOf(owner);
      const status = pick(['accepted', 'accepted', 'rejected', 'pending']);
      return clients[other].image[at]!.accept(id, people[other].projectId, status);
    },
    deactivate: (id, _owner, at) => clients.admin.image[at]!.deactivate(id),
    reactivate: (id, _owner, at) => clients.admin.image[at]!.reactivate(id),
    'set metadata': (id, owner, at) =>
      clients[owner].compute[at]!.set(id, { [`key-${random(5)}`]: 'compute' }),
    delete: async (id, owner, at) => {
      const { status } = await clients[owner].image[at]!.call('DELETE', `/v2/images/${id}`);
      if (status === 204 && owners.delete(id)) deleted.push(id);
    },
    'delete by the Compute API': async (id, owner, at) => {
      const { status } = await clients[owner].compute[at]!.call('DELETE', `/${id}`);
      if (status === 204 && owners.delete(id)) deleted.push(id);
    },
  };

  async function create(at: number): Promise<void> {
    const owner = pick(['demo', 'alt'] as const);
    const visibility = pick(['shared', 'private', 'community', 'shared']);
    const { id } = await clients[owner].image[at]!.create({ visibility });
    owners.set(id, owner);
    await sameImage(owner, id, at);
  }

  async function operate(): Promise<void> {
    const at = random(2);
    const ids = [...owners.keys()];
    if (ids.length === 0 || (ids.length < MOST && random(4) === 0)) return create(at);
    const id = pick(ids);
    await acts[pick(Object.keys(acts))]!(id, owners.get(id)!, at).catch(() => undefined);
  }

  /** Compares what a replica shows of an image with what Glance does. */
  async function sameImage(name: Name, id: string, at: number): Promise<void> {
    const { glance, image } = clients[name];
    for (const target of [`/v2/images/${id}`, `/v2/images/${id}/members`]) {
      const [expected, actual] = [await glance.call('GET', target), await image[at]!.call('GET', target)];
      const form = ({ status, body }: typeof expected): object => ({
        request: `${name}: GET ${target} at ${at}`,
        // How long ago the last sync was is no matter of changes.
        status: status === 203 ? 200 : status,
        ...(status < 300 && { body: comparable(body) }),
      });
      expect(form(actual)).toEqual(form(expected));
    }
  }

  async function sameLists(name: Name, at: number): Promise<void> {
    const { glance, image, compute } = clients[name];
    for (const query of [
      'limit=1000',
      'limit=1000&visibility=all&member_status=all',
      'limit=1000&os_hidden=true',
    ]) {
      const listed = async (client: GlanceClient): Promise<unknown> =>
        comparable((await client.list(query)).sort((one, other) => (one.id < other.id ? -1 : 1)));
      expect({ name, query, images: await listed(image[at]!) }).toEqual({
        ...{ name, query },
        images: await listed(glance),
      });
    }
    const ids = (await glance.list('limit=1000')).map(({ id }: GlanceImage) => id).sort();
    expect(await compute[at]!.listed()).toEqual(ids);
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
          await sameImage(owner, id, at);
          await sameLists(owner, at);
        }
        await Promise.all(Array.from({ length: AT_ONCE - 1 }, operate));
      }
      for (const at of [0, 1]) {
        for (const name of NAMES) {
          // Another replica shows changes with their notifications.
          const isSame = async (): Promise<void> => {
            await sameLists(name, at);
            for (const id of [...owners.keys(), ...deleted.slice(-5)]) await sameImage(name, id, at);
          };
          await until(
            () =>
              isSame().then(
                () => true,
                () => false,
              ),
            10_000,
          ).catch(isSame);
        }
      }
    }
    expect(owners.size + deleted.length).toBeGreaterThan(5);
  }, 3_600_000);
}

describeWithGlance('changes that pass through a mirror to a real Glance', suite);
