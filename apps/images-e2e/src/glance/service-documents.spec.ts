import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Cloud } from '../keystone/harness/cloud.js';
import { describeWithGlance } from './harness/cloud.js';
import { GlanceClient, type GlanceResponse } from './harness/glance-client.js';
import { glanceResponds, killGlance, restartGlanceWith, signalGlance } from './harness/glance-process.js';
import { Mirror } from './harness/mirror.js';

const DOCUMENTS = [
  ...['image', 'images', 'member', 'members'].map((name) => `/v2/schemas/${name}`),
  '/v2/info/import',
  '/v2/info/stores',
];

function suite(cloud: Cloud): void {
  /** An operator's own properties, which clients learn from the schema. */
  const schema = join(dirname(cloud.glanceConfigFile!), 'schema-image.json');
  const shipped = readFileSync(schema, 'utf8');
  let glance: GlanceClient;
  let front: GlanceClient;
  let mirror: Mirror;

  beforeAll(async () => {
    writeFileSync(
      schema,
      shipped.replace(/^\s*\{/, '{ "x_team": { "type": "string", "description": "Of whom" },'),
    );
    killGlance(cloud);
    await glanceResponds(cloud);
    glance = await GlanceClient.as(cloud, cloud.people.demo);
    mirror = await Mirror.start(cloud, { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_GLANCE_URL: cloud.image });
    front = new GlanceClient(mirror.service.imageUrl, glance.token);
  }, 120_000);
  afterAll(async () => {
    writeFileSync(schema, shipped);
    killGlance(cloud);
    await glanceResponds(cloud);
    await mirror?.stop();
  }, 60_000);

  const rebased = (body: unknown): unknown =>
    JSON.parse(JSON.stringify(body).replaceAll(cloud.image, mirror.service.imageUrl));

  it('are those of Glance: versions with links to the mirror, schemas with an operator’s properties, stores', async () => {
    for (const path of ['/versions', '/', '/v3/images']) {
      const expected = await glance.call('GET', path);
      expect(await front.call('GET', path)).toEqual({ ...expected, body: rebased(expected.body) });
    }
    for (const path of DOCUMENTS) {
      const expected = await glance.call('GET', path);
      expect(expected.status).toBe(200);
      expect(await front.call('GET', path)).toEqual(expected);
    }
    expect((await front.call('GET', '/v2/schemas/image')).body).toHaveProperty(['properties', 'x_team']);
  });

  it('are served while Glance hangs, by a replica that starts then, too', async () => {
    const expected: GlanceResponse[] = [];
    for (const path of DOCUMENTS) expected.push(await glance.call('GET', path));
    // The token is known to the mirror; the new replica has Keystone validate it.
    signalGlance(cloud, 'SIGSTOP');
    try {
      const other = await mirror.serve();
      try {
        for (const url of [mirror.service.imageUrl, other.imageUrl]) {
          const client = new GlanceClient(url, glance.token);
          for (const [at, path] of DOCUMENTS.entries()) {
            expect(await client.call('GET', path)).toEqual(expected[at]);
          }
          expect((await client.call('GET', '/versions')).status).toBe(200);
        }
      } finally {
        await other.stop();
      }
    } finally {
      signalGlance(cloud, 'SIGCONT');
    }
  }, 60_000);

  it('say of a Glance with a single store what it says', async () => {
    const restore = await restartGlanceWith(cloud, (settings) =>
      settings
        .replace(/^enabled_backends.*$/m, '')
        .replace(
          /^default_backend.*$/m,
          `stores = file\ndefault_store = file\nfilesystem_store_datadir = ${dirname(schema)}`,
        ),
    );
    const single = await Mirror.start(cloud, { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_GLANCE_URL: cloud.image });
    try {
      const client = new GlanceClient(single.service.imageUrl, glance.token);
      const expected = await glance.call('GET', '/v2/info/stores');
      expect(expected.status).toBe(404);
      await until(async () => (await client.call('GET', '/v2/info/stores')).status !== 503);
      expect((await client.call('GET', '/v2/info/stores')).status).toBe(404);
      const versions = async (of: GlanceClient): Promise<string[]> => {
        const { body } = await of.call('GET', '/versions');
        return (body as { versions: { id: string }[] }).versions.map(({ id }) => id);
      };
      expect(await versions(client)).toEqual(await versions(glance));
    } finally {
      await single.stop();
      await restore();
    }
  }, 120_000);
}

describeWithGlance('the documents in which the Image API of a mirror describes itself', suite);
