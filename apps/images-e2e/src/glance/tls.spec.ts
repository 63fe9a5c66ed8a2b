import { randomBytes } from 'node:crypto';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, emptyGlance } from './harness/glance-client.js';
import { Mirror } from './harness/mirror.js';
import { AUTHORITY, OTHER_AUTHORITY, TlsProxy } from '../harness/tls-proxy.js';

/** More than one piece of a body. */
const CONTENT = new Uint8Array(randomBytes(300_000));

function suite(cloud: Cloud): void {
  let secure: TlsProxy;
  let mirror: Mirror;
  let glance: GlanceClient;

  beforeAll(async () => {
    await emptyGlance(cloud);
    glance = await GlanceClient.as(cloud, cloud.people.demo);
    secure = await TlsProxy.to(cloud.image);
    mirror = await Mirror.start(cloud, {
      GLIMPSE_IMAGE_PORT: '0',
      GLIMPSE_GLANCE_URL: secure.url,
      GLIMPSE_GLANCE_CACERT: AUTHORITY,
    });
  }, 120_000);
  afterAll(async () => {
    await mirror?.stop();
    await secure?.close();
  }, 30_000);

  const clientOf = ({ imageUrl }: Service): GlanceClient => new GlanceClient(imageUrl, glance.token);

  it('mirrors it, and passes changes, uploads and downloads on to it', async () => {
    const { id } = await glance.create({ name: 'mirrored' });
    const here = clientOf(mirror.service);
    await until(async () => (await here.call('GET', `/v2/images/${id}`)).status === 200, 60_000);

    const { id: passed } = await here.create({ name: 'passed on' });
    const upload = await here.call('PUT', `/v2/images/${passed}/file`, { body: CONTENT });
    expect(upload.status).toBe(204);
    expect(await here.show(passed)).toMatchObject({ name: 'passed on', status: 'active' });
    const download = await fetch(`${mirror.service.imageUrl}/v2/images/${passed}/file`, {
      headers: { 'x-auth-token': glance.token },
    });
    expect(Buffer.from(await download.arrayBuffer()).equals(CONTENT)).toBe(true);
  }, 120_000);

  it('sends nothing to a certificate that another authority signed', async () => {
    const replica = await mirror.serve({ GLIMPSE_GLANCE_CACERT: OTHER_AUTHORITY });
    try {
      const { secured } = secure;
      const { status } = await clientOf(replica).call('POST', '/v2/images', { body: { name: 'refused' } });
      expect(status).toBe(503);
      expect((await fetch(`${replica.url}/healthz`)).status).toBe(503);
      await until(() => replica.log().includes('"event":"source-unavailable"'));
      expect(secure.secured).toBe(secured);
      expect(await glance.list('name=refused')).toEqual([]);
    } finally {
      await replica.stop();
    }
  }, 120_000);

  it('sends nothing to a certificate for another name', async () => {
    const url = new URL(secure.url);
    // The same machine by a name that is not in the certificate.
    const replica = await mirror.serve({ GLIMPSE_GLANCE_URL: `https://127.0.0.2:${url.port}` });
    try {
      const { secured } = secure;
      expect((await clientOf(replica).call('POST', '/v2/images', { body: {} })).status).toBe(503);
      expect(secure.secured).toBe(secured);
    } finally {
      await replica.stop();
    }
  }, 120_000);
}

describeWithGlance('a mirror of a real Glance whose certificate a private authority signed', suite);
