import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { request, type ClientRequest, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { amount } from '../harness/long.js';
import { newFolder, type Service } from '../harness/service.js';
import type { Cloud } from '../keystone/harness/cloud.js';
import { addEndpoint } from '../keystone/harness/endpoints.js';
import { missingClient, python } from '../keystone/harness/python-client.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, emptyGlance, type GlanceImage } from './harness/glance-client.js';
import { glanceResponds, killGlance } from './harness/glance-process.js';
import { Mirror, withImageApi } from './harness/mirror.js';

const MIB = 2 ** 20;
const PIECES = 16;
const CONTENT = randomBytes(PIECES * MIB);
const ROUNDS = amount(3, 40);

/** Arguments of Python by which a client creates an image of a name with the content of a file. */
const CLIENTS: Readonly<Record<string, (name: string, file: string) => string[]>> = {
  openstackclient: (name, file) => [
    ...['/usr/bin/openstack', 'image', 'create', name, '--file', file],
    ...['--container-format', 'bare', '--disk-format', 'raw'],
  ],
  openstacksdk: (name, file) => ['-c', SDK_PROGRAM, name, file],
};
const SDK_PROGRAM = `
import sys, openstack
name, file = sys.argv[1:]
openstack.connect().create_image(name, filename=file, disk_format='raw', container_format='bare')
`;

function suite(cloud: Cloud): void {
  let mirror: Mirror;
  let glance: GlanceClient;

  beforeAll(async () => {
    await emptyGlance(cloud);
    glance = await GlanceClient.as(cloud, cloud.people.demo);
    mirror = await Mirror.start(cloud, {
      ...withImageApi(cloud),
      GLIMPSE_SHUTDOWN_DELAY: '0',
      GLIMPSE_LOG_REQUESTS: 'true',
    });
  }, 120_000);
  afterAll(() => mirror?.stop(), 30_000);

  /**
   * Uploads the content in pieces.
   *
   * @param happens runs, and is waited for, before the piece of this number is written; after the last one, while the
   *   response is due
   * @returns the status, or undefined where the upload was broken
   */
  async function upload(
    { imageUrl }: Service,
    id: string,
    [at, happens]: [number, () => unknown],
  ): Promise<number | undefined> {
    const sent = request(`${imageUrl}/v2/images/${id}/file`, {
      method: 'PUT',
      headers: {
        'x-auth-token': glance.token,
        'content-type': 'application/octet-stream',
        'content-length': CONTENT.length,
      },
    });
    sent.on('error', () => undefined);
    const response = once(sent, 'response') as Promise<[IncomingMessage]>;
    response.catch(() => undefined);
    try {
      await write(sent, response, [at, happens]);
      const [{ statusCode }] = await response;
      return statusCode;
    } catch {
      return undefined;
    } finally {
      sent.destroy();
    }
  }

  async function write(
    sent: ClientRequest,
    response: Promise<unknown>,
    [at, happens]: [number, () => unknown],
  ): Promise<void> {
    for (let piece = 0; piece < PIECES; piece++) {
      if (piece === at) await happens();
      const isTaken = sent.write(CONTENT.subarray(piece * MIB, (piece + 1) * MIB));
      if (!isTaken) await Promise.race([once(sent, 'drain'), response]);
    }
    sent.end();
    if (at === PIECES) await happens();
  }

  /** What Glance has of an image: no other bytes than those that were sent, or none. */
  async function expectAllOrNothing(id: string, status: number | undefined): Promise<void> {
    const shown = await glance.call('GET', `/v2/images/${id}`);
    // openstackclient deletes an image whose upload failed.
    if (shown.status === 404) {
      expect(status).toBeUndefined();
      return;
    }
    const image = shown.body as GlanceImage;
    if (status === 204) expect(image.status).toBe('active');
    if (image.status !== 'active') return;
    const response = await fetch(`${cloud.image}/v2/images/${id}/file`, {
      headers: { 'x-auth-token': glance.token },
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(CONTENT)).toBe(true);
  }

  const create = async (service: Service): Promise<string> => {
    const here = new GlanceClient(service.imageUrl, glance.token);
    return (await here.create({ name: 'broken' })).id;
  };

  const untilSaving = (id: string): Promise<void> =>
    until(async () => (await glance.show(id)).status === 'saving');

  it('fails or is complete when Glance is killed at any moment of it', async () => {
    const statuses: (number | undefined)[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const at = Math.round((round / (ROUNDS - 1)) * PIECES);
      const id = await create(mirror.service);
      const status = await upload(mirror.service, id, [at, () => killGlance(cloud)]);
      await glanceResponds(cloud);
      await expectAllOrNothing(id, status);
      statuses.push(status);
    }
    // The first one was sent to a Glance that was not there.
    expect(statuses[0]).not.toBe(204);
  }, 600_000);

  it('fails or is complete when the replica is stopped in the middle of it', async () => {
    for (const [at, timeout] of [
      [2, '240'],
      [4, '1'],
    ] as const) {
      const replica = await mirror.serve({ GLIMPSE_SHUTDOWN_TIMEOUT: timeout });
      const id = await create(replica);
      let stopped: Promise<unknown> | undefined;
      const stop = async (): Promise<void> => {
        // Before, the request may still be in the buffers of a connection that the replica has not accepted.
        await untilSaving(id);
        stopped = replica.stop();
      };
      const status = await upload(replica, id, [at, stop]);
      await stopped;
      await expectAllOrNothing(id, status);
      if (timeout === '1') continue;
      // The client sends as fast as the replica takes it, which has time for it.
      const failures = replica.log().split('\n');
      expect([status, ...failures.filter((line) => line.includes('"pass-through-failed"'))]).toEqual([204]);
    }
  }, 240_000);

  it('is complete once accepted, and 429 beyond the limit, while reads go on', async () => {
    const replica = await mirror.serve({ GLIMPSE_GLANCE_TRANSFERS: '2' });
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    try {
      const ids = await Promise.all(Array.from({ length: 8 }, () => create(replica)));
      const [accepted, surplus] = [ids.slice(0, 2), ids.slice(2)];
      const uploads = accepted.map((id) => upload(replica, id, [PIECES / 2, () => held]));
      for (const id of accepted) await untilSaving(id);
      const refused = Promise.all(surplus.map((id) => upload(replica, id, [0, () => undefined])));
      const here = new GlanceClient(replica.imageUrl, glance.token);
      const read = async (): Promise<void> => {
        for (const target of ['/v2/images', ...surplus.map((id) => `/v2/images/${id}`)]) {
          // A busy machine may need a second request.
          await until(async () => [200, 203].includes((await here.call('GET', target)).status));
        }
      };
      await Promise.all([read(), read()]);
      expect(await refused).toEqual(surplus.map(() => 429));
      await read();
      release();
      expect(await Promise.all(uploads)).toEqual([204, 204]);
      for (const id of accepted) await expectAllOrNothing(id, 204);
      for (const id of surplus) expect((await glance.show(id)).status).toBe('queued');
      // A place is free again soon after the end of an upload.
      await until(async () => (await upload(replica, surplus[0]!, [0, () => undefined])) === 204);
    } finally {
      release();
      await replica.stop();
    }
  }, 120_000);

  describe.each(Object.keys(CLIENTS))('of %s', (client) => {
    const folder = newFolder();
    const file = join(folder, 'content');
    beforeAll(() => writeFileSync(file, CONTENT));

    /**
     * Creates an image through a replica.
     *
     * @param happens runs when Glance receives the content, or when the client ends without that
     * @returns the exit code
     */
    async function createThrough(replica: Service, happens: () => unknown): Promise<number> {
      // Where the catalog leads to the replica.
      const region = randomUUID();
      await addEndpoint(cloud, 'image', region, replica.imageUrl);
      const name = `by ${client} in ${region}`;
      const env = { ...cloud.people.demo.env, OS_REGION_NAME: region };
      const find = async (): Promise<GlanceImage | undefined> =>
        (await glance.list(`name=${encodeURIComponent(name)}`))[0];
      let hasEnded = false;
      const running = python(CLIENTS[client]!(name, file), env, folder).finally(() => (hasEnded = true));
      await until(
        async () => hasEnded || ['saving', 'active'].includes((await find())?.status ?? ''),
        60_000,
      );
      await happens();
      const { code } = await running;
      await glanceResponds(cloud);
      const image = await find();
      if (image) await expectAllOrNothing(image.id, code === 0 ? 204 : undefined);
      else expect(code).not.toBe(0);
      await until(() => /PUT[^\n]*\/v2\/images\/[^/\n]+\/file/.test(replica.log()));
      return code;
    }

    it('fails or is complete when Glance is killed', async () => {
      for (let round = 0; round < amount(1, 10); round++) {
        await createThrough(mirror.service, () => killGlance(cloud));
      }
    }, 600_000);

    it('fails or is complete when the replica is stopped', async () => {
      for (let round = 0; round < amount(1, 10); round++) {
        const replica = await mirror.serve({ GLIMPSE_SHUTDOWN_TIMEOUT: '1' });
        await createThrough(replica, () => replica.stop());
      }
    }, 600_000);

    it('fails beyond the limit', async () => {
      const replica = await mirror.serve({ GLIMPSE_GLANCE_TRANSFERS: '1' });
      const id = await create(replica);
      let release = (): void => undefined;
      const held = new Promise<void>((resolve) => (release = resolve));
      const uploaded = upload(replica, id, [PIECES / 2, () => held]);
      try {
        await untilSaving(id);
        expect(await createThrough(replica, () => undefined)).not.toBe(0);
        release();
        expect(await uploaded).toBe(204);
      } finally {
        release();
        await replica.stop();
      }
    }, 120_000);
  });
}

describeWithGlance('an upload through a mirror to a real Glance', suite, missingClient());
