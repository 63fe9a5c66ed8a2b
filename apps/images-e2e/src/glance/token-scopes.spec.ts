import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Service } from '../harness/service.js';
import {
  authenticate,
  byCredential,
  byPassword,
  callKeystone,
  createCredential,
  ownProject,
  type Cloud,
  type Person,
} from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { setSecondsApart } from './harness/fill-glance.js';
import { GlanceClient, emptyGlance, type GlanceImage, type GlanceResponse } from './harness/glance-client.js';
import { restartGlanceWith, withCurrentDefaults } from './harness/glance-process.js';
import { Mirror, withImageApi } from './harness/mirror.js';
import { PairedClient } from './harness/paired-client.js';

const LISTS = [
  '',
  'visibility=all',
  'visibility=private',
  'visibility=shared&member_status=all',
  'os_hidden=true',
  'visibility=none',
];
const OTHER_READS = [
  '/v2/images/no-id',
  '/v2/schemas/image',
  '/v2/info/stores',
  '/v2/metadefs/namespaces',
  '/v2/tasks',
];

/** Access rules of application credentials. */
const SHOW = { service: 'image', method: 'GET', path: '/v2/images/*' };
const LIST = { service: 'image', method: 'GET', path: '/v2/images' };
const CHANGE = { service: 'image', method: 'PATCH', path: '/v2/images/**' };
const EVERY_GET = { service: 'image', method: 'GET', path: '/**' };
const OF_COMPUTE = { service: 'compute', method: 'GET', path: '/**' };
const OF_GLANCE = { service: 'glance', method: 'GET', path: '/**' };

/** To a caller without a project Glance lists the shared images of all projects, which it does not show by id. */
function withoutShared(glance: GlanceResponse): GlanceResponse {
  if (glance.status !== 200) return glance;
  const { images, ...list } = glance.body as { images: GlanceImage[] };
  const shown = images.filter(({ visibility }) => visibility !== 'shared');
  return { ...glance, body: { ...list, images: shown } };
}

/** Of an image that policy hides, Glance discloses by 403 that it exists and is not shared. */
function asHidden(glance: GlanceResponse): GlanceResponse {
  return glance.status === 403 ? { ...glance, status: 404 } : glance;
}

/** What a token is, how to get it, and what lists are here instead of Glance's, if not those. */
type Row = [string, () => Promise<string>, intended?: typeof withoutShared];

/** A token of the trustee that acts as the trustor in the trustor's project. */
async function byTrust({ authUrl }: Cloud, trustor: Person, trustee: Person): Promise<string> {
  const token = await authenticate(authUrl, byPassword(trustor), ownProject(trustor));
  const response = await callKeystone(`${authUrl}/OS-TRUST/trusts`, 'POST', token, {
    trust: {
      ...{ trustor_user_id: trustor.userId, trustee_user_id: trustee.userId, project_id: trustor.projectId },
      ...{ impersonation: true, roles: [{ name: 'member' }] },
    },
  });
  if (response.status !== 201) throw new Error(`no trust: ${response.status} ${await response.text()}`);
  const { trust } = (await response.json()) as { trust: { id: string } };
  return authenticate(authUrl, byPassword(trustee), { 'OS-TRUST:trust': { id: trust.id } });
}

function suite(cloud: Cloud): void {
  const { authUrl, people } = cloud;
  const { demo, alt, admin } = people;
  const images: GlanceImage[] = [];
  let demosOwn: string;
  let published: string;

  const scoped = (person: Person, scope: object | string = ownProject(person)): Promise<string> =>
    authenticate(authUrl, byPassword(person), scope);
  const restricted = async (person: Person, ...rules: (typeof SHOW)[]): Promise<string> =>
    authenticate(
      authUrl,
      byCredential(await createCredential(cloud, person, rules.length > 0 ? rules : undefined)),
    );

  beforeAll(async () => {
    await emptyGlance(cloud);
    const [ofDemo, ofAlt, ofAdmin] = await Promise.all([
      GlanceClient.as(cloud, demo),
      GlanceClient.as(cloud, alt),
      GlanceClient.as(cloud, admin),
    ]);
    const create = async (client: GlanceClient, attributes: object): Promise<string> => {
      const image = await client.create(attributes);
      images.push(image);
      return image.id;
    };
    published = await create(ofAdmin, { name: 'public', visibility: 'public' });
    await create(ofAdmin, { name: 'without an owner', visibility: 'private', owner: null });
    demosOwn = await create(ofDemo, { name: 'private', visibility: 'private' });
    await create(ofAlt, { name: 'private', visibility: 'private' });
    await create(ofAlt, { name: 'community', visibility: 'community' });
    await create(ofAlt, { name: 'hidden', visibility: 'community', os_hidden: true });
    const accepted = await create(ofAlt, { name: 'accepted', visibility: 'shared' });
    const pending = await create(ofDemo, { name: 'pending', visibility: 'shared' });
    await ofAlt.share(accepted, demo.projectId);
    await ofDemo.accept(accepted, demo.projectId);
    await ofDemo.share(pending, alt.projectId);
    setSecondsApart(
      cloud,
      images.map(({ id }) => id),
    );
  }, 120_000);

  describe.each([
    ['before 2023.1', 'legacy', (settings: string): string => settings],
    ['since 2023.1', 'current', withCurrentDefaults],
  ])('with the policy defaults %s', (_, defaults, settings) => {
    let restore: (() => Promise<void>) | undefined;
    let mirror: Mirror | undefined;
    let service: Service;
    let remover: PairedClient;

    beforeAll(async () => {
      restore = await restartGlanceWith(cloud, settings);
      mirror = await Mirror.start(cloud, { ...withImageApi(cloud), GLIMPSE_POLICY_DEFAULTS: defaults });
      ({ service } = mirror);
      remover = await PairedClient.as(cloud, 'admin', service);
      await mirror.isCaughtUp();
    }, 150_000);

    afterAll(async () => {
      await mirror?.stop();
      await restore?.();
    }, 90_000);

    it.each<Row>([
      ['of a project', () => scoped(demo)],
      ['of a project, with the role reader', () => scoped(people.reader)],
      ['of a project, with a role of no meaning', () => scoped(people.guest)],
      ['of another project', () => scoped(alt)],
      ['of an administrator in a project', () => scoped(admin)],
      ['of a trust', () => byTrust(cloud, demo, alt)],
      ['of a credential', () => restricted(demo)],
      ['of a credential that may show images', () => restricted(demo, SHOW)],
      ['of a credential that may list images', () => restricted(demo, LIST)],
      ['of a credential that may read and change images', () => restricted(demo, SHOW, LIST, CHANGE)],
      ['of a credential that may read everything', () => restricted(demo, EVERY_GET)],
      ['of a credential for the Compute API', () => restricted(demo, OF_COMPUTE)],
      ['of a credential for a service of another type', () => restricted(demo, OF_GLANCE)],
      ['that is invalid', () => Promise.resolve(`gAAAAAB${'x'.repeat(180)}`)],
      ['of an administrator for a domain', () => scoped(admin, { domain: { id: 'default' } })],
      ['of an administrator for the system', () => scoped(admin, { system: { all: true } })],
      ['of an administrator without a scope', () => scoped(admin, 'unscoped'), withoutShared],
      ['of a user without a scope', () => scoped(demo, 'unscoped'), withoutShared],
    ])(
      'a token %s',
      async (...[name, token, intended]: Row) => {
        const client = PairedClient.with(cloud, name, await token(), service);
        for (const query of LISTS) {
          await client.read(`/v2/images?limit=1000&${query}`, intended);
        }
        for (const target of OTHER_READS) await client.read(target);
        for (const { id } of images) {
          const { status } = await client.read(`/v2/images/${id}`);
          await client.read(`/v2/images/${id}/members`, status === 404 ? asHidden : undefined);
          for (const { projectId } of [demo, alt]) await client.read(`/v2/images/${id}/members/${projectId}`);
        }

        const patch = {
          headers: { 'content-type': 'application/openstack-images-v2.1-json-patch' },
          body: [{ op: 'add', path: '/changed_by', value: name }],
        };
        for (const id of [published, demosOwn]) await client.change('PATCH', `/v2/images/${id}`, patch);
        const created = await client.change('POST', '/v2/images', { body: { name: 'new' } });
        for (const { status, body } of created) {
          if (status !== 201) continue;
          // Through the mirror, which shows the removal of an image that was created at Glance later.
          const { status: deleted } = await remover.callMirror(
            'DELETE',
            `/v2/images/${(body as GlanceImage).id}`,
          );
          expect(deleted).toBe(204);
        }
      },
      60_000,
    );
  });
}

describeWithGlance('The Image API of a mirror responds as Glance to', suite);
