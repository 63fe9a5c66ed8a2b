import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { Readable } from 'node:stream';
import type { ReadableStream } from 'node:stream/web';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { freePort } from '../harness/balancer.js';
import { amount } from '../harness/long.js';
import type { Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, emptyGlance } from './harness/glance-client.js';
import { missingHaproxy, startHaproxy, type Haproxy } from './harness/haproxy.js';
import { Mirror, withImageApi } from './harness/mirror.js';

const MIB = 2 ** 20;
const PIECE = randomBytes(MIB);
/** MiB of an upload. */
const SIZE = amount(64, 1_024);

function suite(cloud: Cloud): void {
  let mirror: Mirror;
  let replicas: Service[];
  let haproxy: Haproxy;
  let glance: GlanceClient;
  /** A client of the frontend of the Image API. */
  let front: GlanceClient;

  beforeAll(async () => {
    await emptyGlance(cloud);
    const settings = withImageApi(cloud);
    mirror = await Mirror.start(cloud, settings);
    replicas = [mirror.service, await mirror.serve()];
    glance = await GlanceClient.as(cloud, cloud.people.demo);
    await glance.createActive({ name: 'first' });
    await mirror.isCaughtUp();
    const host = (url: string): string => new URL(url).host;
    const [one, other] = replicas as [Service, Service];
    haproxy = await startHaproxy({
      '10.0.0.11:8774': host(one.url),
      '10.0.0.12:8774': host(other.url),
      '10.0.0.11:9292': host(one.imageUrl),
      '10.0.0.12:9292': host(other.imageUrl),
      '10.0.0.31:9292': host(cloud.image),
      '10.0.0.32:9292': host(cloud.image),
      // No Nova listens there.
      '10.0.0.21:8774': host(cloud.compute),
    });
    front = new GlanceClient(haproxy.urls['9292']!, glance.token);
  }, 240_000);
  afterAll(async () => {
    await haproxy?.stop();
    await Promise.all([mirror?.stop(), replicas?.[1]?.stop()]);
  }, 60_000);

  const fetchFrom = (port: '8774' | '9292', path: string): Promise<Response> =>
    fetch(haproxy.urls[port] + path, { headers: { 'x-auth-token': glance.token } });

  /** Uploads pieces as fast as they are taken; destroys the request after as many as `until`. */
  async function upload(id: string, until = SIZE): Promise<{ status: number; md5: string } | undefined> {
    const sent = request(`${haproxy.urls['9292']}/v2/images/${id}/file`, {
      method: 'PUT',
      headers: {
        'x-auth-token': glance.token,
        'content-type': 'application/octet-stream',
        'transfer-encoding': 'chunked',
      },
    });
    sent.on('error', () => undefined);
    const md5 = createHash('md5');
    for (let piece = 0; piece < until; piece++) {
      PIECE.writeUInt32BE(piece);
      md5.update(PIECE);
      if (!sent.write(Buffer.from(PIECE))) await once(sent, 'drain');
    }
    if (until < SIZE) {
      sent.destroy();
      return undefined;
    }
    sent.end();
    const [response] = (await once(sent, 'response')) as [{ statusCode: number; resume(): void }];
    response.resume();
    return { status: response.statusCode, md5: md5.digest('hex') };
  }

  it('serves both APIs from the mirror', async () => {
    for (const [port, path] of [
      ['8774', '/v2.1/images'],
      ['9292', '/v2/images'],
    ] as const) {
      const response = await fetchFrom(port, path);
      expect({ path, status: response.status, etag: response.headers.get('etag') }).toEqual({
        ...{ path, status: 200 },
        // Glance's responses have none.
        etag: expect.any(String),
      });
    }
    expect((await fetchFrom('8774', '/v2.1/servers')).status).toBe(503);
  }, 60_000);

  it(`passes an upload and a download of ${SIZE} MiB`, async () => {
    const { id } = await front.create({ name: 'large' });
    const uploaded = await upload(id);
    expect(uploaded!.status).toBe(204);
    expect(await front.show(id)).toMatchObject({
      status: 'active',
      size: SIZE * MIB,
      checksum: uploaded!.md5,
    });
    const response = await fetchFrom('9292', `/v2/images/${id}/file`);
    const md5 = createHash('md5');
    for await (const chunk of Readable.fromWeb(response.body as ReadableStream)) md5.update(chunk as Buffer);
    expect(md5.digest('hex')).toBe(uploaded!.md5);
    await front.delete(id);
  }, 600_000);

  it('breaks an upload at Glance when its client goes away', async () => {
    const { id } = await front.create({ name: 'broken' });
    await upload(id, SIZE / 2);
    await until(async () => (await glance.show(id)).status === 'queued', 60_000);
    expect((await front.show(id)).status).toBe('queued');
  }, 120_000);

  it('never answers an upload with 503, which clients repeat with the file already read', async () => {
    const nowhere = `127.0.0.1:${await freePort()}`;
    const alone = await startHaproxy(new Proxy({}, { get: () => nowhere }));
    try {
      const statuses = ['GET', 'PUT'].map(async (method) => {
        const body = method === 'PUT' ? { body: 'data' } : {};
        return (await fetch(`${alone.urls['9292']}/v2/images/some/file`, { method, ...body })).status;
      });
      expect(await Promise.all(statuses)).toEqual([503, 502]);
    } finally {
      await alone.stop();
    }
  }, 60_000);

  it('leads to Glance itself once no replica is ready', async () => {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await until(async () => {
      const response = await fetchFrom('9292', '/v2/images');
      return response.status === 200 && response.headers.get('etag') === null;
    }, 30_000);
  }, 120_000);
}

describeWithGlance('haproxy as the guide has it', suite, missingHaproxy());
