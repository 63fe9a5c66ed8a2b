import { createServiceCredentials, type ServiceCredentials } from '@glimpse/auth';
import { SourceUnavailable } from '@glimpse/domain';
import { createGlanceSource } from '@glimpse/glance';
import type { ImageSource } from '@glimpse/plugins';
import { afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { authenticate, byPassword, ownProject, type Cloud } from '../keystone/harness/cloud.js';
import { grantRole, revokeRole } from '../keystone/harness/roles.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, type GlanceImage } from './harness/glance-client.js';
import { glanceResponds, killGlance, signalGlance } from './harness/glance-process.js';
import { GlanceProxy } from './harness/glance-proxy.js';

function suite(cloud: Cloud): void {
  const { people } = cloud;
  let credentials: ServiceCredentials;
  let source: ImageSource;
  let proxy: GlanceProxy;
  let image: GlanceImage;

  beforeAll(async () => {
    const demo = await GlanceClient.as(cloud, people.demo);
    image = await demo.create();
  });

  beforeEach(async () => {
    proxy = await GlanceProxy.to(cloud.image);
    credentials = createServiceCredentials({
      authUrl: cloud.authUrl,
      username: 'glimpse',
      password: people.glimpse.env['OS_PASSWORD'],
      projectName: 'service',
    });
    const serviceUser = createServiceCredentials({
      authUrl: cloud.authUrl,
      username: 'glimpse-service',
      password: people['glimpse-service'].env['OS_PASSWORD'],
      projectName: 'service',
    });
    source = createGlanceSource({ url: proxy.url, timeout: 2 }, credentials, { serviceUser });
  });

  afterEach(() => proxy.close());

  const reads = (): Promise<unknown>[] => [
    source.page({ hidden: false }),
    source.image(image.id),
    source.members(image.id),
    source.newestChange(),
  ];
  const expectUnavailable = async (): Promise<void> => {
    for (const read of await Promise.allSettled(reads())) {
      expect(read).toMatchObject({ status: 'rejected', reason: expect.any(SourceUnavailable) });
    }
  };
  const expectWell = async (): Promise<void> => {
    await Promise.all(reads());
    expect(await source.image(image.id)).toMatchObject({ id: image.id });
  };

  it('finds Glance in the real catalog', async () => {
    source = createGlanceSource({ region: 'RegionOne' }, credentials);
    await expectWell();
    expect(source.url).toBe(cloud.image);
  });

  it('needs no restart after Glance was killed', async () => {
    source = createGlanceSource({ timeout: 2 }, credentials);
    await expectWell();
    killGlance(cloud);
    await expectUnavailable();
    await glanceResponds(cloud);
    await expectWell();
  });

  it('waits no longer than its timeout for one that hangs', async () => {
    await expectWell();
    signalGlance(cloud, 'SIGSTOP');
    try {
      await expectUnavailable();
    } finally {
      signalGlance(cloud, 'SIGCONT');
    }
    await glanceResponds(cloud);
    await expectWell();
  });

  it.each(['half-body', 'not-json', 'cut', { status: 500 }] as const)(
    'treats %j as unavailable, and accepts the next response',
    async (behaviour) => {
      proxy.behave(behaviour);
      await expectUnavailable();
      proxy.behave('well');
      await expectWell();
    },
  );

  it('fetches a new token when its own was revoked', async () => {
    await expectWell();
    const { token } = await credentials.token();
    const admin = await authenticate(cloud.authUrl, byPassword(people.admin), { system: { all: true } });
    const { status } = await fetch(`${cloud.authUrl}/auth/tokens`, {
      method: 'DELETE',
      headers: { 'x-auth-token': admin, 'x-subject-token': token },
    });
    expect(status).toBe(204);
    // Glance caches a token for a while.
    while ((await source.image(image.id)) && (await credentials.token()).token === token) {
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    await expectWell();
  });

  it('reports missing read access while its user is no administrator', async () => {
    expect(await source.missingReadAccess()).toBeUndefined();
    await revokeRole(cloud, people.glimpse, 'admin');
    try {
      expect(await source.missingReadAccess()).toMatch(/lacks the role admin/);
    } finally {
      await grantRole(cloud, people.glimpse, 'admin');
    }
    expect(await source.missingReadAccess()).toBeUndefined();
  });

  it('makes a change with a token that has just expired', async () => {
    const scope = ownProject(people.demo);
    const late = await authenticate(cloud.shortLivedAuthUrl, byPassword(people.demo), scope);
    const change = { kind: 'merge', properties: { late: 'yes' } } as const;
    await new Promise((resolve) => setTimeout(resolve, (cloud.shortLived + 1) * 1000));
    await source.changeProperties(image.id, change, {}, late);
    expect(await source.image(image.id)).toMatchObject({ properties: { late: 'yes' } });
  });
}

describeWithGlance('a source that is a real Glance, when it fails', suite);
