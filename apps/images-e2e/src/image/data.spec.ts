import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openFiles, until } from '@glimpse/domain/testing';
import { createDatabase } from '../harness/databases.js';
import { bytesOf, RawConnection } from '../harness/raw-http.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const OCTETS = { 'content-type': 'application/octet-stream' };

let database: string;
let service: Service;
const settings = {
  GLIMPSE_IMAGE_PORT: '0',
  GLIMPSE_DATA_OPTIONS_PATH: '',
  GLIMPSE_DATA_OPTIONS_RESERVE: '0',
};

beforeAll(async () => {
  settings.GLIMPSE_DATA_OPTIONS_PATH = join(newFolder(), 'data');
  database = await createDatabase('migrated');
  service = await startService(database, settings);
});
afterAll(() => service.stop());

type Sent = RequestInit & { readonly as?: string; readonly duplex?: 'half' };

function send(path: string, { as = 'demo', headers, ...init }: Sent = {}): Promise<Response> {
  const all = { 'x-auth-token': tokenOf(as), ...(headers as Record<string, string>) };
  return fetch(`${service.imageUrl}/v2/images${path && '/'}${path}`, { ...init, headers: all });
}

const upload = (id: string, body: string | Uint8Array, as = 'demo'): Promise<Response> =>
  send(`${id}/file`, { method: 'PUT', headers: OCTETS, body, as });

/** An image that waits for data. */
async function queued(attributes: object = {}): Promise<string> {
  const image = { name: 'one', disk_format: 'raw', container_format: 'bare', ...attributes };
  const response = await send('', { method: 'POST', body: JSON.stringify(image) });
  expect(response.status).toBe(201);
  return ((await response.json()) as { id: string }).id;
}

async function shown(id: string): Promise<Record<string, unknown>> {
  return (await (await send(id, { headers: { 'cache-control': 'no-cache' } })).json()) as Record<
    string,
    unknown
  >;
}

const statusOf = async (id: string): Promise<unknown> => (await shown(id))['status'];

/** The objects in the store, complete or not. */
const objects = (): string[] => {
  const path = settings.GLIMPSE_DATA_OPTIONS_PATH;
  return existsSync(path) ? readdirSync(path).filter((name) => name !== 'catalogue-id') : [];
};

/** An active image, and the file with its data. */
async function uploaded(length: number): Promise<{ id: string; bytes: Buffer; object: string }> {
  const id = await queued();
  const before = objects();
  const bytes = randomBytes(length);
  expect((await upload(id, bytes)).status).toBe(204);
  const [key] = objects().filter((name) => !before.includes(name));
  return { id, bytes, object: join(settings.GLIMPSE_DATA_OPTIONS_PATH, key!) };
}

/** The objects that the service has open. */
const openObjects = (): string[] => openFiles(service.pid, settings.GLIMPSE_DATA_OPTIONS_PATH);

/**
 * Begins an upload whose body does not end, and waits until the image has the status of one that receives data.
 *
 * @param to which replica receives it
 */
async function beginUpload(
  id: string,
  { to = service, route = 'file' }: { to?: Service; route?: 'file' | 'stage' } = {},
): Promise<RawConnection> {
  const connection = await RawConnection.open(to.imageUrl);
  const headers = { 'x-auth-token': tokenOf('demo'), ...OCTETS, 'content-length': '1000000' };
  connection.write(bytesOf({ method: 'PUT', target: `/v2/images/${id}/${route}`, headers }));
  connection.write(Buffer.alloc(300_000, 1));
  await until(async () => (await statusOf(id)) === { file: 'saving', stage: 'uploading' }[route]);
  return connection;
}

describe('an upload', () => {
  it('makes the image active, with its size and checksums, and is downloaded as it was sent', async () => {
    const id = await queued();
    const bytes = randomBytes(3_000_001);
    expect((await upload(id, bytes)).status).toBe(204);

    const checksum = createHash('md5').update(bytes).digest('hex');
    expect(await shown(id)).toMatchObject({
      ...{ status: 'active', size: bytes.length, virtual_size: bytes.length, checksum },
      ...{ os_hash_algo: 'sha512', os_hash_value: createHash('sha512').update(bytes).digest('hex') },
    });
    const server = await fetch(`${service.url}/v2.1/images/${id}`, {
      headers: { 'x-auth-token': tokenOf('demo'), 'cache-control': 'no-cache' },
    });
    const { updated_at } = await shown(id);
    expect(await server.json()).toMatchObject({
      image: { status: 'ACTIVE', 'OS-EXT-IMG-SIZE:size': bytes.length, updated: updated_at },
    });
    const response = await send(`${id}/file`);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...{ 'content-type': 'application/octet-stream', 'content-length': '3000001' },
      ...{ 'content-md5': checksum, 'accept-ranges': 'bytes' },
    });
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    const head = await send(`${id}/file`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '3000001']);
  });

  it('of unknown length is received to its end, also an empty one', async () => {
    const chunked = await queued();
    const body = new Blob(['abc', 'def']).stream();
    const sent = await send(`${chunked}/file`, { method: 'PUT', headers: OCTETS, body, duplex: 'half' });
    expect(sent.status).toBe(204);
    expect(await (await send(`${chunked}/file`)).text()).toBe('abcdef');
    const empty = await queued();
    expect((await upload(empty, '')).status).toBe(204);
    expect(await shown(empty)).toMatchObject({ status: 'active', size: 0 });
    expect((await send(`${empty}/file`)).headers.get('content-length')).toBe('0');
  });

  it('is refused with 415, 400, 403, 404 or 409, and the image waits for data as before', async () => {
    const id = await queued({ visibility: 'community' });
    expect((await send(`${id}/file`, { method: 'PUT', body: 'x' })).status).toBe(415);
    expect((await upload(await queued({ disk_format: null }), 'x')).status).toBe(400);
    expect((await upload(id, 'x', 'alt')).status).toBe(403);
    expect((await upload(id, 'x', 'reader')).status).toBe(403);
    expect((await upload(randomUUID(), 'x')).status).toBe(404);
    expect((await upload(id, 'x')).status).toBe(204);
    expect((await upload(id, 'y')).status).toBe(409);
    expect(await (await send(`${id}/file`)).text()).toBe('x');
  });

  it('is the only one of its image at a time', async () => {
    const id = await queued();
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => upload(id, `${n}`.repeat(1000))));
    expect(results.map(({ status }) => status).sort()).toEqual([204, ...Array<number>(7).fill(409)]);
    expect(await shown(id)).toMatchObject({ status: 'active', size: 1000 });
  });

  it('that breaks off leaves the image waiting for data, and no bytes', async () => {
    const id = await queued();
    const before = objects();
    const connection = await beginUpload(id);
    expect((await upload(id, 'x')).status).toBe(409);
    connection.close();
    await until(async () => (await statusOf(id)) === 'queued');
    await until(() => objects().length === before.length);
    expect((await upload(id, 'again')).status).toBe(204);
  });

  it('is one of at most 32 at a time: others are 429, never 503, and images are read meanwhile', async () => {
    const { id } = await uploaded(1_000);
    const ids: string[] = [];
    while (ids.length < 64) ids.push(await queued());
    const connections = await Promise.all(ids.map(() => RawConnection.open(service.imageUrl)));
    // Every other body comes byte by byte, or never ends.
    const bodies = [
      { framing: { 'content-length': '1000000' }, part: 'x' },
      { framing: { 'transfer-encoding': 'chunked' }, part: `1000\r\n${'x'.repeat(0x1000)}\r\n` },
    ];
    for (const [n, connection] of connections.entries()) {
      const headers = { 'x-auth-token': tokenOf('demo'), ...OCTETS, ...bodies[n % 2]!.framing };
      connection.write(bytesOf({ method: 'PUT', target: `/v2/images/${ids[n]!}/file`, headers }));
    }
    const sending = setInterval(() => {
      for (const [n, connection] of connections.entries()) connection.write(bodies[n % 2]!.part);
    }, 20);
    try {
      const refused = (): RawConnection[] =>
        connections.filter((connection) => connection.hasReceived('HTTP/1.1 429 '));
      await until(() => refused().length === 32);
      for (let round = 0; round < 20; round++) {
        await until(async () => (await send(id)).status === 200);
        const headers = { 'x-auth-token': tokenOf('demo') };
        await until(
          async () => (await fetch(`${service.url}/v2.1/images/${id}`, { headers })).status === 200,
        );
      }
      expect(connections.filter((connection) => connection.hasReceived('HTTP/1.1 503 '))).toEqual([]);
    } finally {
      clearInterval(sending);
      for (const connection of connections) connection.close();
    }
    await until(async () => {
      const headers = { 'x-auth-token': tokenOf('demo'), 'cache-control': 'no-cache' };
      const response = await fetch(`${service.imageUrl}/v2/images?status=saving`, { headers });
      return response.ok && ((await response.json()) as { images: unknown[] }).images.length === 0;
    });
  }, 60_000);

  it('of an image that is deleted meanwhile is refused with 410, and its bytes go', async () => {
    const id = await queued();
    const before = objects();
    const connection = await beginUpload(id);
    const deleted = await fetch(`${service.url}/v2.1/images/${id}`, {
      method: 'DELETE',
      headers: { 'x-auth-token': tokenOf('demo') },
    });
    expect(deleted.status).toBe(204);
    connection.write(Buffer.alloc(700_000, 1));
    expect((await connection.response()).status).toBe(410);
    connection.close();
    await until(() => objects().length === before.length, 30_000);
  });
});

describe('a download', () => {
  it('of a range has these bytes, and the checksum of the whole', async () => {
    const id = await queued();
    await upload(id, '0123456789');
    const ranged = async (range: string): Promise<[number, string, string | null]> => {
      const response = await send(`${id}/file`, { headers: { range } });
      const text = response.status === 206 ? await response.text() : '';
      return [response.status, text, response.headers.get('content-range')];
    };
    expect(await ranged('bytes=2-4')).toEqual([206, '234', 'bytes 2-4/10']);
    expect(await ranged('bytes=7-')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await ranged('bytes=-3')).toEqual([206, '789', 'bytes 7-9/10']);
    expect(await ranged('bytes=8-100')).toEqual([206, '89', 'bytes 8-9/10']);
    expect(await ranged('bytes=10-')).toEqual([416, '', 'bytes */10']);
    expect(await ranged('lines=1-2')).toEqual([416, '', 'bytes */10']);
    expect(await ranged('bytes=0-1,3-4')).toEqual([400, '', null]);
  });

  it('is 204 without data, and 403 of what policy or deactivation keeps', async () => {
    const id = await queued({ visibility: 'community' });
    expect((await send(`${id}/file`)).status).toBe(204);
    await upload(id, 'secret');
    expect((await send(`${id}/file`, { as: 'alt' })).status).toBe(200);
    expect((await send(`${id}/file`, { as: 'reader' })).status).toBe(403);
    expect((await send(`${id}/actions/deactivate`, { method: 'POST', as: 'admin' })).status).toBe(204);
    expect((await send(`${id}/file`)).status).toBe(403);
    expect((await send(`${id}/file`, { as: 'admin' })).status).toBe(200);
  });

  it('is one of many of the same image that are requested at once', async () => {
    const { id, bytes } = await uploaded(1_000);
    expect((await send(id)).status).toBe(200);
    const responses = await Promise.all(Array.from({ length: 400 }, () => send(`${id}/file`)));
    expect(new Set(responses.map(({ status }) => status))).toEqual(new Set([200]));
    const bodies = await Promise.all(
      responses.map(async (response) => Buffer.from(await response.arrayBuffer())),
    );
    expect(bodies.every((body) => body.equals(bytes))).toBe(true);
  });

  it('breaks off where bytes of the object are missing, instead of ending early', async () => {
    const { id, object } = await uploaded(2_000_000);
    truncateSync(object, 1_000_000);
    const response = await send(`${id}/file`);
    expect(response.headers.get('content-length')).toBe('2000000');
    await expect(response.arrayBuffer()).rejects.toThrow('terminated');
  });

  it('is whole where the image is deleted meanwhile', async () => {
    const { id, bytes, object } = await uploaded(30_000_000);
    const { body } = await send(`${id}/file`);
    const reader = body!.getReader();
    const chunks = [(await reader.read()).value!];
    expect((await send(id, { method: 'DELETE' })).status).toBe(204);
    // As the sweeper does it, some seconds later.
    rmSync(object);
    for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value!);
    expect(Buffer.concat(chunks).equals(bytes)).toBe(true);
  });

  it('is one of at most 512 at a time: beyond it is refused, or takes the place of one that is not read', async () => {
    const { id } = await uploaded(30_000_000);
    const abort = new AbortController();
    // A response that nothing refers to would be cancelled.
    const unread: Response[] = [];
    const open = async (): Promise<void> =>
      void unread.push(await send(`${id}/file`, { signal: abort.signal }));
    try {
      for (let batch = 0; batch < 34; batch++) await Promise.all(Array.from({ length: 16 }, open));
      expect(unread.filter(({ status }) => status === 200).length).toBeGreaterThanOrEqual(512);
      expect(unread.filter(({ status }) => status !== 200 && status !== 503)).toEqual([]);
      await until(() => openObjects().length <= 512);
      expect((await send(id)).status).toBe(200);
    } finally {
      abort.abort();
    }
    await until(() => openObjects().length === 0);
  }, 90_000);

  it('closes its object when the client leaves', async () => {
    const { id } = await uploaded(30_000_000);
    const abort = new AbortController();
    await send(`${id}/file`, { signal: abort.signal });
    expect(openObjects()).toHaveLength(1);
    abort.abort();
    await until(() => openObjects().length === 0);
  });
});

describe('staged data', () => {
  const stage = (id: string, body: string): Promise<Response> =>
    send(`${id}/stage`, { method: 'PUT', headers: OCTETS, body });
  const importImage = (id: string, document: object, as = 'demo'): Promise<Response> =>
    send(`${id}/import`, { method: 'POST', body: JSON.stringify(document), as });
  const direct = { method: { name: 'glance-direct' } };

  it('is shown as its size, and becomes the data of the image with an import', async () => {
    const id = await queued();
    expect((await importImage(id, direct)).status).toBe(409);
    expect((await stage(id, 'staged bytes')).status).toBe(204);
    expect(await shown(id)).toMatchObject({ status: 'uploading', size: 12, checksum: null });
    expect((await send(`${id}/file`)).status).toBe(204);
    expect((await stage(id, 'again')).status).toBe(409);
    expect((await importImage(id, { method: { name: 'nosuch' } })).status).toBe(400);
    expect((await importImage(id, { ...direct, stores: ['nosuch'] })).status).toBe(400);

    expect((await importImage(id, direct)).status).toBe(202);
    expect(await shown(id)).toMatchObject({
      ...{ status: 'active', size: 12, virtual_size: 12, os_hash_algo: 'sha512' },
      ...{ checksum: createHash('md5').update('staged bytes').digest('hex') },
      ...{ os_glance_importing_to_stores: '', os_glance_failed_import: '' },
    });
    expect(await (await send(`${id}/file`)).text()).toBe('staged bytes');
    expect((await importImage(id, direct)).status).toBe(409);
  });

  it('leaves properties of an import that the metadata of the Compute API neither counts nor changes', async () => {
    const id = await queued();
    await stage(id, 'staged bytes');
    await importImage(id, direct);
    const metadata = async (items: object): Promise<number> => {
      const response = await fetch(`${service.url}/v2.1/images/${id}/metadata`, {
        method: 'PUT',
        headers: { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/json' },
        body: JSON.stringify({ metadata: items }),
      });
      return response.status;
    };
    const most = Object.fromEntries(Array.from({ length: 128 }, (_, n) => [`p${n}`, 'v']));
    expect(await metadata(most)).toBe(200);
    expect(await metadata({ ...most, p128: 'v' })).toBe(403);
    expect(await metadata({ os_glance_failed_import: 'all' })).toBe(400);
    expect(await shown(id)).toMatchObject({ p127: 'v', os_glance_failed_import: '' });
  });

  it('is imported once, by those who may change the image', async () => {
    const id = await queued({ visibility: 'community' });
    await stage(id, 'x');
    expect((await importImage(id, direct, 'alt')).status).toBe(403);
    const results = await Promise.all(Array.from({ length: 5 }, () => importImage(id, direct)));
    expect(results.map(({ status }) => status).sort()).toEqual([202, 409, 409, 409, 409]);
    const { tasks } = (await (await send(`${id}/tasks`)).json()) as { tasks: object[] };
    expect(tasks).toMatchObject([{ image_id: id, status: 'success', input: { backend: ['file'] } }]);
  });
});

it('refuses data that makes a hypervisor open other files, whatever the disk format says', async () => {
  const head = Buffer.alloc(200_000);
  head.write('QFI\xfb', 0, 'latin1');
  head.writeUInt32BE(3, 4);
  head.writeUInt32BE(16, 20);
  head.writeUInt32BE(104, 100);
  const safe = await queued({ disk_format: 'qcow2' });
  head.writeBigUInt64BE(5_000_000n, 24);
  expect((await upload(safe, head)).status).toBe(204);
  expect(await shown(safe)).toMatchObject({ size: 200_000, virtual_size: 5_000_000 });

  const id = await queued();
  head.writeBigUInt64BE(512n, 8);
  const response = await upload(id, head);
  expect([response.status, await response.text()]).toEqual([
    400,
    expect.stringContaining('it has a backing file'),
  ]);
  expect(await statusOf(id)).toBe('queued');
});

describe('limits of an operator', () => {
  const MIB = 2 ** 20;
  let limited: Service;
  let folder: string;
  beforeAll(async () => {
    const limits = {
      ...{ GLIMPSE_DATA_PROJECT_QUOTA: '3', GLIMPSE_DATA_IMAGE_SIZE_MAX: '2' },
      GLIMPSE_IMAGE_DISK_FORMATS: 'raw, qcow2',
    };
    folder = join(newFolder(), 'data');
    limited = await startService(await createDatabase('migrated'), {
      ...{ ...settings, ...limits },
      GLIMPSE_DATA_OPTIONS_PATH: folder,
    });
  });
  afterAll(() => limited.stop());

  /** A request to the service with limits, and what it says. */
  async function request(method: string, path: string, body?: Blob | string, chunked = false) {
    const headers = { ...OCTETS, 'x-auth-token': tokenOf('demo') };
    const sent = body instanceof Blob && chunked ? body.stream() : body;
    const init = { method, headers, ...(sent !== undefined && { body: sent, duplex: 'half' }) };
    const response = await fetch(`${limited.imageUrl}/v2/images${path}`, init as RequestInit);
    return { status: response.status, text: await response.text() };
  }
  const data = (mib: number): Blob => new Blob([Buffer.alloc(mib * MIB, 7)]);
  async function created(): Promise<string> {
    const document = { disk_format: 'raw', container_format: 'bare' };
    return (JSON.parse((await request('POST', '', JSON.stringify(document))).text) as { id: string }).id;
  }

  it('allow the formats of the settings only, in the schema and in changes', async () => {
    const patch = async (id: string, value: unknown): Promise<number> => {
      const type = 'application/openstack-images-v2.1-json-patch';
      const body = JSON.stringify([{ op: 'replace', path: '/disk_format', value }]);
      const headers = { 'content-type': type, 'x-auth-token': tokenOf('demo') };
      return (await fetch(`${limited.imageUrl}/v2/images/${id}`, { method: 'PATCH', headers, body })).status;
    };
    const id = await created();
    expect([await patch(id, 'qcow2'), await patch(id, null), await patch(id, 'vmdk')]).toEqual([
      200, 200, 400,
    ]);
    const refused = await request('POST', '', JSON.stringify({ disk_format: 'iso' }));
    expect([refused.status, refused.text]).toEqual([
      ...[400, expect.stringContaining('allowed are null, \\"raw\\", \\"qcow2\\"')],
    ]);
    const headers = { 'x-auth-token': tokenOf('demo') };
    const schema = await (await fetch(`${limited.imageUrl}/v2/schemas/image`, { headers })).json();
    expect(schema).toMatchObject({
      properties: {
        disk_format: { enum: [null, 'raw', 'qcow2'] },
        container_format: { enum: [null, 'ami', 'ari', 'aki', 'bare', 'ovf', 'ova', 'docker', 'compressed'] },
      },
    });
  });

  it('refuse larger images and more data than a project may have, with 413, until some is deleted', async () => {
    const [first, second, third] = [await created(), await created(), await created()];
    const put = (id: string, mib: number, chunked = false) =>
      request('PUT', `/${id}/file`, data(mib), chunked);
    for (const chunked of [false, true]) {
      const large = await put(first, 2.5, chunked);
      expect([large.status, large.text]).toEqual([413, expect.stringContaining(`at most ${2 * MIB} bytes`)]);
    }
    expect((await put(first, 2)).status).toBe(204);
    for (const chunked of [false, true]) {
      const refused = await put(second, 1.5, chunked);
      expect([refused.status, refused.text]).toEqual([413, expect.stringContaining('bytes remaining')]);
      expect((await request('GET', `/${second}`)).text).toContain('"status":"queued"');
      // The bytes of a refused upload may be deleted after its response.
      await until(() => readdirSync(folder).filter((name) => name !== 'catalogue-id').length === 1);
    }
    expect((await put(second, 1, true)).status).toBe(204);
    expect((await put(third, 0.5)).text).toContain('524288 will exceed the limit. 0 bytes remaining.');
    expect((await request('PUT', `/${third}/stage`, data(0.5), true)).status).toBe(413);
    expect((await request('DELETE', `/${first}`)).status).toBe(204);
    expect((await put(third, 2)).status).toBe(204);
  });
});

it('keeps data over a restart, and gives up uploads when it stops', async () => {
  const id = await queued();
  await upload(id, 'kept');
  const broken = await queued();
  const connection = await beginUpload(broken);
  const stopping = service.stop();
  await until(() => service.log().includes('"event":"stopping"'));
  connection.close();
  await stopping;
  service = await startService(database, settings);
  expect(await (await send(`${id}/file`)).text()).toBe('kept');
  expect(await statusOf(broken)).toBe('queued');
});

it('at the time limit of its stop refuses uploads with 502, whose images are queued again, and cuts downloads', async () => {
  const { id } = await uploaded(30_000_000);
  const before = objects();
  // Uploads have half of it.
  const stopping = await startService(database, { ...settings, GLIMPSE_SHUTDOWN_TIMEOUT: '6' });
  const [saving, staging] = [await queued(), await queued()];
  const uploads = [
    [saving, await beginUpload(saving, { to: stopping })],
    [staging, await beginUpload(staging, { to: stopping, route: 'stage' })],
  ] as const;
  const headers = { 'x-auth-token': tokenOf('demo') };
  const { body, status } = await fetch(`${stopping.imageUrl}/v2/images/${id}/file`, { headers });
  expect(status).toBe(200);

  const ended = stopping.stop();
  for (const [image, connection] of uploads) {
    const response = await connection.response({ within: 30_000 });
    expect([response.status, JSON.parse(response.text)]).toEqual([
      502,
      { error: expect.objectContaining({ message: expect.stringContaining('because this service stops') }) },
    ]);
    expect(await statusOf(image)).toBe('queued');
    connection.write(Buffer.alloc(700_000, 1));
    await connection.closed(30_000);
  }
  expect(await ended).toBe(0);
  await expect(new Response(body).arrayBuffer()).rejects.toThrow('terminated');
  await until(() => objects().length === before.length, 30_000);
  for (const [image] of uploads) expect((await upload(image, 'again')).status).toBe(204);
}, 60_000);

it('refuses the store of another catalogue', async () => {
  const id = await queued();
  await upload(id, 'mine');
  const other = await createDatabase('migrated');
  const second = await startService(other, settings);
  const mine = { database, service };
  try {
    ({ database, service } = { database: other, service: second });
    const foreign = await queued();
    expect((await upload(foreign, 'x')).status).toBe(502);
    expect(await statusOf(foreign)).toBe('queued');
    await until(() => second.log().includes('"event":"store-unavailable"'));
    const health = (await (await fetch(`${second.url}/healthz`)).json()) as { details: object };
    expect(health.details).toMatchObject({ database: { status: 'up' }, store: { status: 'down' } });
  } finally {
    ({ database, service } = mine);
    await second.stop();
  }
  expect(await (await send(`${id}/file`)).text()).toBe('mine');
});
