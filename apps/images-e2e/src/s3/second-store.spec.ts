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
  let database: string;

  /** The settings of a replica that reaches the bucket through a proxy. @param timeout of the bucket, in seconds */
  function replicaSettings(
    { url }: DatabaseProxy,
    timeout: number,
    defaultStore = 'bucket',
  ): Record<string, string> {
    const settings = bucket.settings();
    const options = {
      ...{ bucket: swift.bucket, endpoint: url, region: swift.region, timeout },
      access_key_file: settings['GLIMPSE_DATA_OPTIONS_ACCESS_KEY_FILE'],
      secret_key_file: settings['GLIMPSE_DATA_OPTIONS_SECRET_KEY_FILE'],
    };
    const stores = [
      { id: 'bucket', use: 's3', options },
      { id: 'disk', use: 'file', options: { path: disk, reserve: 0 } },
    ];
    const config = join(folder, `glimpse-${timeout}.yaml`);
    writeFileSync(config, stringify({ data: { default_store: defaultStore, stores } }));
    return { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_CONFIG: config };
  }

  beforeAll(async () => {
    proxy = await DatabaseProxy.to(swift.url);
    database = await createDatabase('migrated');
    images = new Images(await startService(database, replicaSettings(proxy, 2)));
  });
  afterAll(async () => {
    await images.service.stop('SIGKILL');
    await proxy.close();
    bucket.close();
  });

  const asAdmin = { 'x-auth-token': tokenOf('admin') };

  async function importTo(id: string, request: object, at = images): Promise<void> {
    const body = JSON.stringify(request);
    expect((await at.send(`/${id}/import`, { method: 'POST', headers: asAdmin, body })).status).toBe(202);
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

  const OCTETS = { 'content-type': 'application/octet-stream' };

  /** An image whose data is staged in the default store of a replica. */
  async function staged(bytes: Uint8Array, at = images): Promise<string> {
    const id = await at.create();
    const body = bytes as Uint8Array<ArrayBuffer>;
    expect((await at.send(`/${id}/stage`, { method: 'PUT', headers: OCTETS, body })).status).toBe(204);
    return id;
  }

  /** An image with data in a store. */
  async function uploaded(bytes: Uint8Array, store: string): Promise<string> {
    const id = await images.create();
    const headers = { ...OCTETS, 'x-image-meta-store': store };
    const body = bytes as Uint8Array<ArrayBuffer>;
    expect((await images.send(`/${id}/file`, { method: 'PUT', headers, body })).status).toBe(204);
    return id;
  }

  /** An image with data in both stores. */
  async function inBoth(bytes: Uint8Array): Promise<string> {
    const id = await staged(bytes);
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
    await nothingIsLeft(before);
  });

  /** Resolves once the stores have no more than before. */
  const nothingIsLeft = (before: { objects: number; files: number }): Promise<void> =>
    until(async () => {
      const { objects, uploads } = await bucket.keys();
      return (
        [objects.length - uploads.length, files().length].join() === [before.objects, before.files].join()
      );
    }, 40_000);

  it('is as it was when the replica of an import is killed, and another import succeeds', async () => {
    const bytes = randomBytes(MIB);
    // More parts than the replica has connections to the bucket.
    const parts = randomBytes(64 * MIB);
    const before = { objects: (await bucket.keys()).objects.length, files: files().length };
    const slow = await DatabaseProxy.to(swift.url);
    const killed = new Images(await startService(database, replicaSettings(slow, 60, 'disk')));
    const importOf = async (
      image: Promise<string>,
      name: string,
      from: string,
      to: string,
    ): Promise<{ id: string; from: string; to: string; request: object }> => {
      return { id: await image, from, to, request: { method: { name }, stores: [to] } };
    };
    const toBucket = [
      await importOf(staged(parts, killed), 'glance-direct', 'disk', 'bucket'),
      await importOf(uploaded(parts, 'disk'), 'copy-image', 'disk', 'bucket'),
    ];
    const toDisk = [
      await importOf(staged(bytes), 'glance-direct', 'bucket', 'disk'),
      await importOf(uploaded(bytes, 'bucket'), 'copy-image', 'bucket', 'disk'),
    ];

    // Each connection forwards its first part.
    slow.stall(12 * MIB);
    for (const { id, request } of toBucket) await importTo(id, request, killed);
    await until(async () => (await bucket.keys()).uploads.length === toBucket.length, 30_000);
    slow.stall();
    for (const { id, request } of toDisk) await importTo(id, request, killed);
    await killed.service.stop('SIGKILL');
    await slow.close();

    const imports = [...toBucket, ...toDisk];
    for (const { id, to } of imports) {
      expect(await shown(id)).toMatchObject({ os_glance_importing_to_stores: to });
    }
    for (const { id } of imports) {
      await until(async () => (await shown(id))['os_glance_importing_to_stores'] === '', 150_000);
    }
    await until(async () => (await bucket.keys()).uploads.length === 0, 40_000);
    for (const { id, from, to, request } of imports) {
      const { status, stores, os_glance_failed_import: failed } = await shown(id);
      expect([status, stores, failed]).toEqual(
        [toBucket[1], toDisk[1]].some((active) => active!.id === id)
          ? ['active', from, to]
          : ['uploading', undefined, to],
      );
      await importTo(id, request);
      expect(await imported(id)).toMatchObject({ status: 'active', os_glance_failed_import: '' });
      const data = await images.download(id);
      expect(data.equals(data.length === MIB ? bytes : parts)).toBe(true);
      expect((await images.send(`/${id}`, { method: 'DELETE' })).status).toBe(204);
    }
    await nothingIsLeft(before);
  }, 300_000);

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
