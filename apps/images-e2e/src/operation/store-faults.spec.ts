import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { COMMAND } from '../harness/command.js';
import { createDatabase } from '../harness/databases.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

let folder: string;
/** Two replicas with the same store; for the second one it is full. */
let service: Service;
let full: Service;
beforeAll(async () => {
  folder = join(newFolder(), 'data');
  const database = await createDatabase('migrated');
  const settings = { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_OPTIONS_PATH: folder };
  service = await startService(database, { ...settings, GLIMPSE_DATA_OPTIONS_RESERVE: '0' });
  full = await startService(database, { ...settings, GLIMPSE_DATA_OPTIONS_RESERVE: '1048576' });
}, 60_000);
afterAll(() => Promise.all([service.stop(), full.stop()]));

/** The status of a response, and its body; a download that breaks has none. */
async function send(
  method: string,
  path: string,
  body?: string | Uint8Array,
  to = service,
): Promise<[number, string]> {
  const headers = { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/octet-stream' };
  const init: RequestInit = { method, headers, ...(body !== undefined && { body }) };
  const response = await fetch(`${to.imageUrl}/v2/images${path}`, init);
  return [response.status, await response.text().catch(() => '')];
}

async function created(): Promise<string> {
  const [, text] = await send('POST', '', '{"disk_format": "raw", "container_format": "bare"}');
  return (JSON.parse(text) as { id: string }).id;
}

async function uploaded(data: string): Promise<string> {
  const id = await created();
  expect(await send('PUT', `/${id}/file`, data)).toEqual([204, '']);
  return id;
}

const objects = (): string[] => readdirSync(folder).filter((name) => name !== 'catalogue-id');
const statusOf = async (id: string): Promise<string> =>
  (JSON.parse((await send('GET', `/${id}`))[1]) as { status: string }).status;

it('refuses an upload to a store without space with 507, and keeps nothing of it', async () => {
  const id = await created();
  const [status, text] = await send('PUT', `/${id}/file`, 'data', full);
  expect([status, text]).toEqual([507, expect.stringContaining('not enough space')]);
  expect([await statusOf(id), objects()]).toEqual(['queued', []]);
  expect((await send('PUT', `/${id}/file`, 'data'))[0]).toBe(204);
});

it('refuses an empty volume in place of the store, writes nothing to it, and works again with the right one', async () => {
  const kept = await uploaded('kept');
  const before = objects().sort();
  renameSync(folder, `${folder}.away`);
  mkdirSync(folder);
  const id = await created();
  expect((await send('PUT', `/${id}/file`, 'data'))[0]).toBe(502);
  expect((await send('GET', `/${kept}/file`))[0]).toBe(502);
  expect([await statusOf(id), await statusOf(kept), readdirSync(folder)]).toEqual(['queued', 'active', []]);
  rmSync(folder, { recursive: true });
  renameSync(`${folder}.away`, folder);
  expect(objects().sort()).toEqual(before);
  expect(await send('GET', `/${kept}/file`)).toEqual([200, 'kept']);
  expect((await send('PUT', `/${id}/file`, 'data'))[0]).toBe(204);
});

it('deletes the data of images that were deleted while the store was unavailable', async () => {
  const [id, kept] = [await uploaded('deleted'), await uploaded('kept')];
  const before = objects().length;
  renameSync(folder, `${folder}.away`);
  writeFileSync(folder, 'no folder');
  expect((await send('DELETE', `/${id}`))[0]).toBe(204);
  const waiting = await created();
  expect((await send('PUT', `/${waiting}/file`, 'data'))[0]).toBe(502);
  expect(await statusOf(waiting)).toBe('queued');
  rmSync(folder);
  renameSync(`${folder}.away`, folder);
  expect(existsSync(join(folder, 'catalogue-id'))).toBe(true);
  await until(() => objects().length === before - 1, 45_000);
  expect(await send('GET', `/${kept}/file`)).toEqual([200, 'kept']);
}, 60_000);

const canMount = spawnSync('unshare', ['--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /mnt']).status === 0;
const test = canMount ? it : it.skip;
const WHY_NOT = canMount ? '' : ' (skipped: needs root and mount namespaces)';

test(`refuses what fills the file system of its store with 507, and has the space for the next upload${WHY_NOT}`, async () => {
  const path = newFolder();
  const mounted = `mount -t tmpfs -o size=4m tmpfs ${path} && exec "$@"`;
  const small = await startService(
    await createDatabase('migrated'),
    { GLIMPSE_IMAGE_PORT: '0', GLIMPSE_DATA_OPTIONS_PATH: path, GLIMPSE_DATA_OPTIONS_RESERVE: '0' },
    { command: ['unshare', '--mount', 'sh', '-c', mounted, 'sh', process.execPath, COMMAND] },
  );
  try {
    const [, text] = await send('POST', '', '{"disk_format": "raw", "container_format": "bare"}', small);
    const { id } = JSON.parse(text) as { id: string };
    const upload = (bytes: number): Promise<[number, string]> =>
      send('PUT', `/${id}/file`, new Uint8Array(bytes), small);
    for (let attempt = 1; attempt <= 2; attempt++) {
      expect(await upload(8 * 1024 ** 2)).toEqual([507, expect.stringContaining('not enough space')]);
      expect(JSON.parse((await send('GET', `/${id}`, undefined, small))[1])).toMatchObject({
        status: 'queued',
      });
    }
    expect(await upload(3 * 1024 ** 2)).toEqual([204, '']);
  } finally {
    await small.stop();
  }
}, 60_000);
