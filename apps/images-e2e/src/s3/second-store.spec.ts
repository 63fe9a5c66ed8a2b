import { randomBytes } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeWithSwift } from '@glimpse/data/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { createDatabase } from '../harness/databases.js';
import { newFolder, startService, tokenOf } from '../harness/service.js';
import { Bucket } from './harness/bucket.js';
import { Images } from './harness/images.js';

const MIB = 2 ** 20;

await describeWithSwift('image data in a bucket beside a folder', (swift) => {
  const bucket = new Bucket(swift);
  const folder = newFolder();
  const disk = join(folder, 'disk');
  let images: Images;
  let proxy: DatabaseProxy;

  beforeAll(async () => {
    proxy = await DatabaseProxy.to(swift.url);
    const settings = bucket.settings();
    const options = {
      ...{ bucket: swift.bucket, endpoint: proxy.url, region: swift.region, timeout: 2 },
      access_key_file: settings['GLIMPSE_DATA_OPTIONS_ACCESS_KEY_FILE'],
      secret_key_file: settings['GLIMPSE_DATA_OPTIONS_SECRET_KEY_FILE'],
    };
    const stores = [
      { id: 'bucket', use: 's3', options },
      { id: 'disk', use: 'file', options: { path: disk, reserve: 0 } },
    ];
    const config = join(folder, 'glimpse.yaml');
    writeFileSync(config, stringify({ data: { default_store: 'bucket', stores } }));
    const database = await createDatabase('migrated');
    images = new Images(await startService(database, { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_CONFIG: config }));
  });
  afterAll(async () => {
    await images.service.stop('SIGKILL');
    await proxy.close();
    bucket.close();
  });

  const asAdmin = { 'x-auth-token': tokenOf('admin') };

  async function importTo(id: string, request: object): Promise<void> {
    const body = JSON.stringify(request);
    expect((await images.send(`/${id}/import`, { method: 'POST', headers: asAdmin, body })).status).toBe(202);
  }

  async function shown(id: string): Promise<Record<string, unknown>> {
    const response = await images.send(`/${id}`, { headers: { 'cache-control': 'no-cache' } });
    return (await response.json()) as Record<string, unknown>;
  }

  /** The image, once its import has ended. */
  async function imported(id: string): Promise<Record<string, unknown>> {
    await until(async () => (await shown(id))['os_glance_importing_to_stores'] === '', 30_000);
    return shown(id);
  }

  const files = (): string[] => readdirSync(disk).filter((name) => name !== 'catalogue-id');

  /** An image with data in both stores. */
  async function inBoth(bytes: Uint8Array): Promise<string> {
    const id = await images.create();
    const headers = { 'content-type': 'application/octet-stream' };
    const body = bytes as Uint8Array<ArrayBuffer>;
    expect((await images.send(`/${id}/stage`, { method: 'PUT', headers, body })).status).toBe(204);
    await importTo(id, { method: { name: 'glance-direct' }, all_stores: true });
    expect(await imported(id)).toMatchObject({ status: 'active', stores: 'bucket,disk' });
    return id;
  }

  it('is imported to both, copied forth and back, and deleted from both', async () => {
    const bytes = randomBytes(9 * MIB);
    const before = { objects: (await bucket.keys()).objects.length, files: files().length };
    const id = await inBoth(bytes);
    for (const [store, other] of [
      ['bucket', 'disk'],
      ['disk', 'bucket'],
    ]) {
      const path = `${images.service.imageUrl}/v2/stores/${store}/${id}`;
      expect((await fetch(path, { method: 'DELETE', headers: asAdmin })).status).toBe(204);
      expect(await shown(id)).toMatchObject({ stores: other });
      expect((await images.download(id)).equals(bytes)).toBe(true);
      await importTo(id, { method: { name: 'copy-image' }, stores: [store] });
      expect(await imported(id)).toMatchObject({ os_glance_failed_import: '' });
      expect((await images.download(id)).equals(bytes)).toBe(true);
    }
    expect((await images.send(`/${id}`, { method: 'DELETE' })).status).toBe(204);
    await until(async () => {
      const { objects, uploads } = await bucket.keys();
      return (
        [objects.length - uploads.length, files().length].join() === [before.objects, before.files].join()
      );
    }, 40_000);
  });

  describe('while the bucket', () => {
    let id: string;
    const bytes = randomBytes(MIB);
    beforeAll(async () => {
      id = await inBoth(bytes);
    });

    it('is away, is downloaded from the folder, and uploads are refused', async () => {
      await proxy.cut();
      try {
        expect((await images.download(id)).equals(bytes)).toBe(true);
        const other = await images.create();
        const refused = await images.upload(other, Buffer.from('x'));
        expect([refused.status, await images.statusOf(other)]).toEqual([502, 'queued']);
      } finally {
        await proxy.restore();
      }
    });

    it('is silent, is downloaded from the folder, too', async () => {
      proxy.stall();
      try {
        expect((await images.download(id)).equals(bytes)).toBe(true);
      } finally {
        await proxy.restore();
      }
      await until(async () => {
        const health = (await (await fetch(`${images.service.url}/healthz`)).json()) as {
          details: Record<string, { status: string }>;
        };
        return health.details['store:bucket']?.status === 'up';
      }, 30_000);
    });
  });
});
