import { randomBytes, randomUUID } from 'node:crypto';
import {
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, query } from '../harness/databases.js';
import { readDescription, type CheckResponse } from '../harness/description.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const folder = newFolder();
const pathOf = (store: string): string => join(folder, store);
const config = join(folder, 'glimpse.yaml');
writeFileSync(
  config,
  `data:
  default_store: fast
  stores:
    - { id: slow, use: file, description: Disks, options: { path: ${pathOf('slow')}, reserve: 0 } }
    - { id: fast, use: file, options: { path: ${pathOf('fast')}, reserve: 0 } }
`,
);

let database: string;
let service: Service;
beforeAll(async () => {
  database = await createDatabase('migrated');
  service = await startService(database, { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_CONFIG: config });
  // The first check of a store writes its marker.
  await until(
    () => ['slow', 'fast'].every((store) => existsSync(join(pathOf(store), 'catalogue-id'))),
    60_000,
  );
}, 120_000);
afterAll(() => service.stop());

interface Sent {
  readonly as?: string;
  readonly body?: string | Uint8Array;
  readonly headers?: Record<string, string>;
}

function send(method: string, path: string, { as = 'demo', headers, body }: Sent = {}): Promise<Response> {
  const all = { 'x-auth-token': tokenOf(as), 'cache-control': 'no-cache', ...headers };
  return fetch(`${service.imageUrl}/v2/${path}`, {
    method,
    headers: all,
    ...(body !== undefined && { body }),
  });
}

type Document = Record<string, unknown>;
const read = async (path: string, as?: string): Promise<Document> =>
  (await (await send('GET', path, { ...(as && { as }) })).json()) as Document;

/** An image that waits for data. */
async function queued(): Promise<string> {
  const body = JSON.stringify({ disk_format: 'raw', container_format: 'bare' });
  return ((await (await send('POST', 'images', { body })).json()) as { id: string }).id;
}

function upload(id: string, body: string | Uint8Array, store?: string): Promise<Response> {
  const headers = {
    'content-type': 'application/octet-stream',
    ...(store !== undefined && { 'x-image-meta-store': store }),
  };
  return send('PUT', `images/${id}/file`, { body, headers });
}

async function uploaded(body: string | Uint8Array, store?: string): Promise<string> {
  const id = await queued();
  expect((await upload(id, body, store)).status).toBe(204);
  return id;
}

/** The objects in a store. */
const objects = (store: string): string[] =>
  readdirSync(pathOf(store)).filter((name) => name !== 'catalogue-id');

/** The object of an image in a store. */
async function objectOf(id: string, store: string): Promise<string> {
  const rows = await query(
    database,
    `SELECT id FROM image_objects WHERE image_id = '${id}' AND store = '${store}' AND state = 'live'`,
  );
  return join(pathOf(store), rows[0]!['id'] as string);
}

describe('several stores', () => {
  it('are listed with the default one, for administrators with their details', async () => {
    const slow = { id: 'slow', description: 'Disks' };
    const fast = { id: 'fast', default: 'true' };
    expect(await read('info/stores')).toEqual({ stores: [slow, fast] });
    expect((await send('GET', 'info/stores/detail')).status).toBe(403);
    expect((await send('GET', 'info/stores', { as: 'none' })).status).toBe(401);
    const properties = { chunk_size: 262_144, thin_provisioning: false };
    expect(await read('info/stores/detail', 'admin')).toEqual({
      stores: [
        { ...slow, type: 'file', properties: { data_dir: pathOf('slow'), ...properties } },
        { ...fast, type: 'file', properties: { data_dir: pathOf('fast'), ...properties } },
      ],
    });
  });

  it('are named by a new image, and the versions that stand for them are listed', async () => {
    const body = JSON.stringify({ name: 'one' });
    const created = await send('POST', 'images', { body });
    expect(created.headers.get('openstack-image-store-ids')).toBe('slow,fast');
    expect(Object.keys((await created.json()) as Document)).not.toContain('stores');
    const { versions } = (await (await fetch(`${service.imageUrl}/versions`)).json()) as {
      versions: { id: string; status: string }[];
    };
    expect(versions.map(({ id }) => id)).toEqual(
      '15 13 12 11 10 9 8 7 6 5 4 3 2 1 0'.split(' ').map((minor) => `v2.${minor}`),
    );
    expect(versions.filter(({ status }) => status === 'CURRENT')).toHaveLength(1);
  });

  it('have markers that differ in their name, so that no two can be swapped', () => {
    const markerOf = (store: string): string =>
      readFileSync(join(pathOf(store), 'catalogue-id'), 'utf8').trim();
    expect(markerOf('slow')).toBe(`${markerOf('fast')} slow`);
  });
});

describe('an upload', () => {
  it('goes to the store that it names, by default to the default one, and the document names it', async () => {
    const before = { slow: objects('slow').length, fast: objects('fast').length };
    const named = await uploaded('named', 'slow');
    const unnamed = await uploaded('unnamed');
    expect(await read(`images/${named}`)).toMatchObject({ status: 'active', stores: 'slow' });
    expect(await read(`images/${unnamed}`)).toMatchObject({ status: 'active', stores: 'fast' });
    expect([objects('slow').length, objects('fast').length]).toEqual([before.slow + 1, before.fast + 1]);
    expect(await (await send('GET', `images/${named}/file`)).text()).toBe('named');
    expect(await (await send('GET', `images/${unnamed}/file`)).text()).toBe('unnamed');
    const { images } = (await read('images')) as { images: Document[] };
    expect(images.find(({ id }) => id === named)).toMatchObject({ stores: 'slow' });
  });

  it('to an unknown store is 400, before the image is read', async () => {
    expect((await upload(randomUUID(), 'x', 'none')).status).toBe(400);
    const id = await queued();
    const refused = await upload(id, 'x', 'none');
    expect(refused.status).toBe(400);
    expect(await refused.text()).toContain('slow, fast');
    expect(await read(`images/${id}`)).toMatchObject({ status: 'queued' });
    expect((await upload(randomUUID(), 'x', 'slow')).status).toBe(404);
  });
});

/** An image whose data is staged. */
async function staged(data: string | Uint8Array): Promise<string> {
  const id = await queued();
  const headers = { 'content-type': 'application/octet-stream' };
  expect((await send('PUT', `images/${id}/stage`, { body: data, headers })).status).toBe(204);
  return id;
}

const importTo = (id: string, rest: object = {}, name = 'glance-direct', as = 'demo'): Promise<Response> =>
  send('POST', `images/${id}/import`, { as, body: JSON.stringify({ method: { name }, ...rest }) });

/** The image, once its import has ended. */
async function imported(id: string): Promise<Document> {
  let image: Document = {};
  await until(async () => {
    image = await read(`images/${id}`);
    return image['os_glance_importing_to_stores'] === '' && !('os_glance_import_task' in image);
  }, 30_000);
  return image;
}

/** Puts a file in the place of a store while a function runs. */
async function without<T>(store: string, run: () => Promise<T>): Promise<T> {
  renameSync(pathOf(store), `${pathOf(store)}-away`);
  writeFileSync(pathOf(store), '');
  try {
    return await run();
  } finally {
    rmSync(pathOf(store));
    renameSync(`${pathOf(store)}-away`, pathOf(store));
  }
}

describe('an import of staged data', () => {
  it.each([
    [{}, 'fast'],
    [{ stores: ['slow'] }, 'slow'],
    [{ stores: ['slow', 'fast'] }, 'fast,slow'],
    [{ all_stores: true, all_stores_must_succeed: false }, 'fast,slow'],
  ])('with %j goes to %s', async (rest, stores) => {
    const bytes = randomBytes(700_001);
    const id = await staged(bytes);
    expect((await importTo(id, rest)).status).toBe(202);
    const image = await imported(id);
    expect(image).toMatchObject({ status: 'active', size: bytes.length, os_glance_failed_import: '' });
    expect(image['stores']).toBe(stores);
    for (const store of stores.split(',')) {
      expect(readFileSync(await objectOf(id, store)).equals(bytes)).toBe(true);
    }
    expect(Buffer.from(await (await send('GET', `images/${id}/file`)).arrayBuffer()).equals(bytes)).toBe(
      true,
    );
  });

  it('that one store fails leaves the data staged, or makes the image active without that store', async () => {
    const [all, some] = [await staged('all'), await staged('some')];
    await without('slow', async () => {
      await importTo(all, { all_stores: true });
      await importTo(some, { all_stores: true, all_stores_must_succeed: false });
      const failed = { os_glance_failed_import: 'slow' };
      expect(await imported(all)).toMatchObject({ ...failed, status: 'uploading' });
      expect(await imported(some)).toMatchObject({ ...failed, status: 'active', stores: 'fast' });
    });
    expect((await importTo(all, { all_stores: true })).status).toBe(202);
    expect(await imported(all)).toMatchObject({ status: 'active', os_glance_failed_import: '' });
    expect(service.log()).toContain('"event":"copy-failed"');
  });

  it('that every store fails, of which one would have been enough, makes the image wait for an upload', async () => {
    const id = await staged('lost');
    await without('slow', async () => {
      await importTo(id, { stores: ['slow'], all_stores_must_succeed: false });
      const failed = { status: 'queued', size: null, os_glance_failed_import: 'slow' };
      expect(await imported(id)).toMatchObject(failed);
    });
    expect((await importTo(id)).status).toBe(409);
    expect((await upload(id, 'data')).status).toBe(204);
    expect(await (await send('GET', `images/${id}/file`)).text()).toBe('data');
  });

  it('is refused for an unknown store, and before the data is staged', async () => {
    expect((await importTo(randomUUID(), { stores: ['none'] })).status).toBe(400);
    expect((await importTo(await queued(), { stores: ['slow'] })).status).toBe(409);
    expect((await importTo(await staged('x'), { stores: ['slow'] }, 'web-download')).status).toBe(400);
  });
});

describe('the tasks of an image', () => {
  let check: CheckResponse;
  beforeAll(async () => {
    check = await readDescription(service.imageUrl);
  });

  async function tasksOf(id: string, as = 'demo'): Promise<Document[]> {
    const response = await send('GET', `images/${id}/tasks`, { as });
    const text = await response.text();
    check('GET', `/v2/images/${id}/tasks`, response.status, text);
    return (JSON.parse(text) as { tasks: Document[] }).tasks;
  }

  it('are its imports, each with the id of its request', async () => {
    const id = await staged('task');
    expect(await tasksOf(id)).toEqual([]);
    const request = await importTo(id, { stores: ['slow'] });
    await imported(id);
    const [task, ...others] = await tasksOf(id);
    expect(others).toEqual([]);
    expect(task).toMatchObject({
      ...{ status: 'success', image_id: id, result: { image_id: id }, message: 'Copied 0 MiB' },
      request_id: request.headers.get('x-openstack-request-id'),
      input: { import_req: { method: { name: 'glance-direct' }, stores: ['slow'] }, backend: ['slow'] },
    });
  });

  it('say which stores an import has failed for', async () => {
    const id = await staged('lost');
    await without('slow', async () => {
      await importTo(id, { stores: ['slow'], all_stores_must_succeed: false });
      await imported(id);
    });
    expect(await tasksOf(id)).toMatchObject([
      { status: 'failure', result: null, message: 'The data could not be copied to slow.' },
    ]);
  });

  it('are those of the caller’s project, and for administrators all', async () => {
    const body = JSON.stringify({ disk_format: 'raw', container_format: 'bare', visibility: 'public' });
    const created = await send('POST', 'images', { as: 'admin', body });
    const { id } = (await created.json()) as { id: string };
    const octets = { 'content-type': 'application/octet-stream' };
    await send('PUT', `images/${id}/file`, { as: 'admin', body: 'public', headers: octets });
    const copy = JSON.stringify({ method: { name: 'copy-image' }, stores: ['slow'] });
    expect((await send('POST', `images/${id}/import`, { as: 'admin', body: copy })).status).toBe(202);
    expect(await tasksOf(id, 'admin')).toMatchObject([{ image_id: id, type: 'api_image_import' }]);
    expect(await tasksOf(id)).toEqual([]);
    expect((await send('GET', `images/${await staged('own')}/tasks`, { as: 'alt' })).status).toBe(404);
    expect((await send('GET', `images/${id}/tasks`, { as: 'none' })).status).toBe(401);
  });
});

describe('copy-image', () => {
  it('copies the data of an active image for administrators, and says which stores are still to do', async () => {
    const id = await uploaded('data');
    expect((await importTo(id, { stores: ['slow'] }, 'copy-image')).status).toBe(403);
    expect((await importTo(id, { stores: ['fast'] }, 'copy-image', 'admin')).status).toBe(400);
    expect((await importTo(await queued(), { stores: ['slow'] }, 'copy-image', 'admin')).status).toBe(409);
    const { updated_at } = await read(`images/${id}`);
    expect((await importTo(id, { all_stores: true }, 'copy-image', 'admin')).status).toBe(202);
    expect(await imported(id)).toMatchObject({ status: 'active', stores: 'fast,slow', updated_at });
    expect(readFileSync(await objectOf(id, 'slow'), 'utf8')).toBe('data');
    // Nothing is left to do.
    expect((await importTo(id, { all_stores: true }, 'copy-image', 'admin')).status).toBe(202);
    const { 'import-methods': methods } = (await read('info/import')) as {
      'import-methods': { value: string[] };
    };
    expect(methods.value).toEqual(['glance-direct', 'copy-image']);
  });

  it('never copies data that is damaged', async () => {
    const id = await uploaded('data');
    writeFileSync(await objectOf(id, 'fast'), 'dama');
    await importTo(id, { stores: ['slow'] }, 'copy-image', 'admin');
    expect(await imported(id)).toMatchObject({ stores: 'fast', os_glance_failed_import: 'slow' });
  });
});

/** An image with data in both stores. */
async function copied(data: string | Uint8Array): Promise<string> {
  const id = await uploaded(data);
  await importTo(id, { stores: ['slow'] }, 'copy-image', 'admin');
  expect(await imported(id)).toMatchObject({ stores: 'fast,slow' });
  return id;
}

describe('a download', () => {
  it('goes on from another store where one lacks the data, breaks off or is unavailable', async () => {
    const bytes = randomBytes(1_000_000);
    const id = await copied(bytes);
    const whole = async (): Promise<boolean> =>
      Buffer.from(await (await send('GET', `images/${id}/file`)).arrayBuffer()).equals(bytes);
    const object = await objectOf(id, 'fast');
    truncateSync(object, 600_000);
    expect(await whole()).toBe(true);
    const range = await send('GET', `images/${id}/file`, { headers: { range: 'bytes=590000-899999' } });
    expect(Buffer.from(await range.arrayBuffer()).equals(bytes.subarray(590_000, 900_000))).toBe(true);
    rmSync(object);
    expect(await whole()).toBe(true);
    expect(await without('fast', whole)).toBe(true);
    rmSync(await objectOf(id, 'slow'));
    expect((await send('GET', `images/${id}/file`)).status).toBe(502);
  });
});

describe('the data of an image', () => {
  const remove = (store: string, id: string, as = 'admin'): Promise<Response> =>
    send('DELETE', `stores/${store}/${id}`, { as });

  it('is deleted from a store by administrators, but not from the last one', async () => {
    const id = await copied('data');
    expect((await remove('none', id)).status).toBe(409);
    expect((await remove('fast', randomUUID())).status).toBe(404);
    for (const [as, status] of Object.entries({ demo: 403, reader: 403, alt: 404 })) {
      expect([as, (await remove('fast', id, as)).status]).toEqual([as, status]);
    }
    const object = await objectOf(id, 'fast');
    expect((await remove('fast', id)).status).toBe(204);
    expect(await read(`images/${id}`)).toMatchObject({ status: 'active', stores: 'slow' });
    expect(await (await send('GET', `images/${id}/file`)).text()).toBe('data');
    expect((await remove('slow', id)).status).toBe(403);
    await until(() => !existsSync(object), 30_000);
  });

  it('is not deleted from a store that does not have it, or while the image is not active', async () => {
    const id = await copied('data');
    expect((await remove('slow', await uploaded('x'))).status).toBe(403);
    expect((await remove('fast', id)).status).toBe(204);
    await importTo(id, { stores: ['fast'] }, 'copy-image', 'admin');
    await imported(id);
    await send('POST', `images/${id}/actions/deactivate`);
    expect((await remove('fast', id)).status).toBe(409);
    expect((await remove('fast', await queued())).status).toBe(409);
  });
});

describe('the stores of an image', () => {
  it('are read-only, and of a deactivated image shown to administrators alone', async () => {
    const id = await uploaded('x', 'slow');
    const headers = { 'content-type': 'application/openstack-images-v2.1-json-patch' };
    const body = JSON.stringify([{ op: 'replace', path: '/stores', value: 'fast' }]);
    expect((await send('PATCH', `images/${id}`, { body, headers })).status).toBe(403);
    await send('POST', `images/${id}/actions/deactivate`);
    expect(await read(`images/${id}`)).not.toHaveProperty('stores');
    expect(await read(`images/${id}`, 'admin')).toMatchObject({ stores: 'slow' });
  });

  it('lose its bytes when it is deleted', async () => {
    const id = await uploaded('x', 'slow');
    const object = await objectOf(id, 'slow');
    expect(existsSync(object)).toBe(true);
    expect((await send('DELETE', `images/${id}`)).status).toBe(204);
    await until(() => !existsSync(object), 30_000);
  });
});
