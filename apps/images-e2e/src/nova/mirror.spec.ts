import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { GlanceClient, type GlanceImage } from '../glance/harness/glance-client.js';
import { Mirror } from '../glance/harness/mirror.js';
import { authenticate, byPassword, ownProject, type Cloud } from '../keystone/harness/cloud.js';
import { ComputeClient, asGlanceOf, createFlavor, describeWithNova } from './harness/nova.js';

const VERSIONS = ['2.1', '2.35'];

function suite(cloud: Cloud): void {
  let mirror: Mirror;
  let glance: GlanceClient;
  let glimpse: ComputeClient;
  let nova: ComputeClient;
  let images: Record<'plain' | 'large' | 'public' | 'community' | 'others' | 'queued', GlanceImage>;

  beforeAll(async () => {
    const { demo, admin } = cloud.people;
    const token = await authenticate(cloud.authUrl, byPassword(demo), ownProject(demo));
    glance = new GlanceClient(cloud.glanceUrl!, token);
    const adminToken = await authenticate(cloud.authUrl, byPassword(admin), ownProject(admin));
    const others = new GlanceClient(cloud.glanceUrl!, adminToken);
    images = {
      plain: await glance.createActive({ name: 'plain', architecture: 'x86_64' }),
      large: await glance.createActive({ name: 'large', min_ram: 4_096, min_disk: 40 }),
      public: await others.createActive({ name: 'public', visibility: 'public', os_distro: 'debian' }),
      community: await others.createActive({ name: 'community', visibility: 'community' }),
      others: await others.createActive({ name: 'others' }),
      queued: await glance.create({ name: 'queued' }),
    };
    mirror = await Mirror.start(cloud, {
      ...asGlanceOf(cloud),
      GLIMPSE_GLANCE_URL: cloud.glanceUrl!,
      GLIMPSE_LOG_REQUESTS: 'true',
    });
    await mirror.isCaughtUp();
    glimpse = new ComputeClient(`${mirror.service.url}/v2.1`, token);
    nova = new ComputeClient(cloud.novaUrl!, token);
    await until(async () => (await fetch(cloud.novaUrl!)).ok, 60_000);
  });
  afterAll(() => mirror?.stop());

  it.each(VERSIONS)(
    'has the images that the mirror itself shows by the Compute API, in version %s',
    async (version) => {
      const shown = Object.values(images).flatMap(({ id }) => [`/images/${id}`, `/images/${id}/metadata`]);
      const targets = ['/images', '/images/detail', '/images/detail?limit=2', '/images?minDisk=40', ...shown];
      for (const target of targets) {
        const theirs = await nova.call(target, version);
        expect({ target, ...(await glimpse.call(target, version)) }).toEqual({ target, ...theirs });
      }
      const { body } = await nova.call('/images', version);
      const names = (body as { images: { name: string }[] }).images.map(({ name }) => name);
      expect(names.sort()).toEqual(['large', 'plain', 'public', 'queued']);
    },
  );

  it('boots a server from an image of the mirror', async () => {
    const flavorRef = await createFlavor(cloud);
    const boot = (imageRef: string) =>
      nova.call('/servers', '2.37', 'POST', {
        server: { name: 'new', flavorRef, imageRef, networks: 'none' },
      });
    const reads = (id: string): number => mirror.service.log().split(`/v2/images/${id}`).length;
    const before = reads(images.plain.id);
    expect(await boot(images.plain.id)).toMatchObject({ status: 202 });
    await until(() => reads(images.plain.id) > before);
    expect(await boot(images.large.id)).toMatchObject({ status: 400 });
    expect(await boot(images.others.id)).toMatchObject({ status: 400 });
  });

  it('makes changes at Glance, which show at once', async () => {
    const { id } = images.plain;
    const change = (method: string, path: string, body?: object) =>
      nova.call(`/images/${id}/metadata${path}`, '2.1', method, body);
    const expectMetadata = async (metadata: object): Promise<void> => {
      for (const client of [nova, glimpse]) {
        expect(await client.call(`/images/${id}/metadata`, '2.1')).toEqual({
          status: 200,
          body: { metadata },
        });
      }
      expect(await glance.show(id)).toMatchObject(metadata);
    };
    const architecture = 'x86_64';
    expect(await change('POST', '', { metadata: { mood: 'blue' } })).toMatchObject({ status: 200 });
    await expectMetadata({ architecture, mood: 'blue' });
    expect(await change('PUT', '/mood', { meta: { mood: 'red' } })).toMatchObject({ status: 200 });
    await expectMetadata({ architecture, mood: 'red' });
    expect(await change('DELETE', '/mood')).toMatchObject({ status: 204 });
    await expectMetadata({ architecture });
    expect(await glance.show(id)).not.toHaveProperty('mood');
    expect(await change('PUT', '', { metadata: { os_distro: 'debian' } })).toMatchObject({ status: 200 });
    await expectMetadata({ os_distro: 'debian' });
    expect(await glance.show(id)).not.toHaveProperty('architecture');

    expect(await nova.call(`/images/${id}`, '2.1', 'DELETE')).toMatchObject({ status: 204 });
    for (const client of [nova, glimpse]) {
      expect(await client.call(`/images/${id}`, '2.1')).toMatchObject({ status: 404 });
      const { body } = await client.call('/images', '2.1');
      expect((body as { images: GlanceImage[] }).images.map((image) => image.id)).not.toContain(id);
    }
    expect(await glance.call('GET', `/v2/images/${id}`)).toMatchObject({ status: 404 });
  });
}

describeWithNova('A real Nova in front of a mirror of a real Glance', suite);
