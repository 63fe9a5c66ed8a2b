import { randomUUID } from 'node:crypto';
import { existsSync, renameSync, rmSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const folder = newFolder();
const pathOf = (store: string): string => join(folder, store);
const config = join(folder, 'glimpse.yaml');
const storesOf = (...names: string[]): string =>
  names.map((id) => `{ id: ${id}, use: file, options: { path: ${pathOf(id)}, reserve: 0 } }`).join(', ');

let database: string;
let service: Service;
let stopped = true;

/** Starts the service with the store `old` alone, or with several. */
async function start(...names: string[]): Promise<void> {
  writeFileSync(config, `data: { default_store: old, stores: [${storesOf(...names)}] }\n`);
  const one = { GLIMPSE_DATA_OPTIONS_PATH: pathOf('old'), GLIMPSE_DATA_OPTIONS_RESERVE: '0' };
  service = await startService(database, {
    GLIMPSE_IMAGE_PORT: '0',
    ...(names.length === 0 ? one : { GLIMPSE_CONFIG: config }),
  });
  stopped = false;
}

async function stop(): Promise<void> {
  if (!stopped) await service.stop();
  stopped = true;
}

beforeAll(async () => {
  database = await createDatabase('migrated');
});
afterAll(stop);

async function send(method: string, path: string, body?: string, store?: string): Promise<Response> {
  const headers = {
    ...{ 'x-auth-token': tokenOf('demo'), 'cache-control': 'no-cache' },
    'content-type': 'application/octet-stream',
    ...(store !== undefined && { 'x-image-meta-store': store }),
  };
  return fetch(`${service.imageUrl}/v2${path}`, { method, headers, ...(body !== undefined && { body }) });
}

/** Creates an image and uploads its data. @returns its id and that of its object */
async function uploaded(data: string, store?: string): Promise<{ image: string; object: string }> {
  const attributes = JSON.stringify({ disk_format: 'raw', container_format: 'bare' });
  const { id: image } = (await (await send('POST', '/images', attributes)).json()) as { id: string };
  expect((await send('PUT', `/images/${image}/file`, data, store)).status).toBe(204);
  const rows = await query(database, `SELECT id FROM image_objects WHERE image_id = '${image}'`);
  return { image, object: rows[0]!['id'] as string };
}

const read = async (image: string): Promise<Record<string, unknown>> =>
  (await (await send('GET', `/images/${image}`)).json()) as Record<string, unknown>;

const download = async (image: string): Promise<string> =>
  (await send('GET', `/images/${image}/file`)).text();

const env = (): Record<string, string> => ({
  ...{ DATABASE_URL: databaseUrl(database), GLIMPSE_CONFIG: config },
});

async function check(...args: string[]): Promise<{ code: number; lines: string[]; stderr: string }> {
  const { code, stdout, stderr } = await glimpse(['data', 'check', ...args], env());
  return { code, lines: stdout.trim().split('\n'), stderr };
}

describe('a second store', () => {
  let first: { image: string; object: string };
  let second: { image: string; object: string };

  it('is added to a catalogue that had one: its images are then in the default store, by its name', async () => {
    await start();
    first = await uploaded('one');
    expect(await read(first.image)).not.toHaveProperty('stores');
    expect((await send('GET', '/info/stores')).status).toBe(404);
    expect((await send('DELETE', `/stores/file/${first.image}`)).status).toBe(404);
    // With one store the header counts for nothing, as in Glance.
    await uploaded('ignored', 'none');
    await stop();

    await start('old', 'new');
    await until(async () => (await read(first.image))['stores'] === 'old', 30_000);
    expect(await download(first.image)).toBe('one');
    second = await uploaded('two', 'new');
    expect(await read(second.image)).toMatchObject({ stores: 'new' });
  });

  it('is checked with the first one, by its name', async () => {
    expect(await check()).toMatchObject({
      ...{ code: 0, lines: ['3 objects in the store, 0 findings, 0 of them repaired or deleted'] },
    });
    const orphan = randomUUID();
    writeFileSync(join(pathOf('new'), orphan), 'orphan');
    truncateSync(join(pathOf('old'), first.object), 1);
    renameSync(join(pathOf('new'), second.object), join(pathOf('old'), second.object));
    const { code, lines } = await check();
    expect([code, ...lines]).toEqual([
      1,
      `damaged  image ${first.image}: its object ${first.object} has 1 bytes in the store old instead of 3; restore it`,
      expect.stringMatching(`^orphan   object ${second.object} of 3 bytes, of .*, in the store old: `),
      `missing  image ${second.image}: its object ${second.object} of 3 bytes is not in the store new; restore it, or delete the image`,
      expect.stringMatching(`^orphan   object ${orphan} of 6 bytes, of .*, in the store new: `),
      '4 objects in the store, 4 findings, 0 of them repaired or deleted',
    ]);
    renameSync(join(pathOf('old'), second.object), join(pathOf('new'), second.object));
    writeFileSync(join(pathOf('old'), first.object), 'one');
    rmSync(join(pathOf('new'), orphan));
  });

  it('is checked for what is left of uploads, and for documents that name other stores', async () => {
    const [left, recent] = [randomUUID(), randomUUID()];
    for (const key of [left, recent]) writeFileSync(join(pathOf('new'), `${key}.partial`), 'lef');
    utimesSync(join(pathOf('new'), `${left}.partial`), 0, 0);
    const at = join(pathOf('new'), `${second.object}.partial`);
    writeFileSync(at, 'being written');
    await query(
      database,
      `UPDATE images SET locations = '{"stores": "new,old"}' WHERE id = '${first.image}'`,
    );
    const partial = (key: string, date: string): string =>
      `orphan   upload ${key} that did not end, of ${date}, in the store new: the catalogue does not name it`;
    const shown = `state    image ${first.image} names the stores new,old, its data is in old`;
    const today = new Date().toISOString().slice(0, 10);
    const summary = '3 objects in the store, 3 findings,';
    expect(await check()).toMatchObject({
      code: 1,
      lines: [
        partial(left, '1970-01-01'),
        partial(recent, today),
        shown,
        `${summary} 0 of them repaired or deleted`,
      ],
    });
    expect(await check('--repair', '--delete-orphans', '--older-than', '1h')).toMatchObject({
      code: 1,
      lines: [
        `${partial(left, '1970-01-01')} (deleted)`,
        partial(recent, today),
        `${shown} (repaired: it names these)`,
        `${summary} 2 of them repaired or deleted`,
      ],
    });
    expect(await read(first.image)).toMatchObject({ stores: 'old' });
    expect(existsSync(join(pathOf('new'), `${left}.partial`))).toBe(false);
    for (const path of [at, join(pathOf('new'), `${recent}.partial`)]) rmSync(path);
    expect(await check()).toMatchObject({ code: 0 });
  });

  it('that does not respond is named by the check, with its settings', async () => {
    renameSync(pathOf('new'), pathOf('away'));
    writeFileSync(pathOf('new'), '');
    const { code, stderr } = await check();
    rmSync(pathOf('new'));
    renameSync(pathOf('away'), pathOf('new'));
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/check the settings data\.stores of the store new\n$/),
    ]);
  });

  it('has no part in imports that nothing runs, which are ended on demand', async () => {
    const importing = randomUUID();
    await query(
      database,
      `INSERT INTO images (id, status, visibility, owner, upload, created_at, properties) VALUES
         ('${importing}', 'importing', 'private', 'p', '${randomUUID()}', now(), '{"os_glance_import_task": "x"}');
       UPDATE images SET upload = '${randomUUID()}' WHERE id = '${first.image}'`,
    );
    expect((await check('--repair')).lines.sort().slice(1)).toEqual(
      [
        `state    image ${first.image} is active, but its import does not run (repaired: it is active)`,
        `state    image ${importing} is importing, but its import does not run (repaired: it is queued)`,
      ].sort(),
    );
    const rows = await query(database, `SELECT properties FROM images WHERE id = '${importing}'`);
    expect(rows[0]!['properties']).toEqual({ os_glance_importing_to_stores: '' });
    expect(await check()).toMatchObject({ code: 0 });
  });

  it('is examined by the doctor', async () => {
    const { stdout } = await glimpse(['doctor'], env());
    expect(stdout).toMatch(/^ok .*store old: an object was written, read and deleted$/m);
    expect(stdout).toMatch(/^ok .*store new: an object was written, read and deleted$/m);
  });

  it('has an entry among the dependencies, and metrics of its own', async () => {
    const health = (await (await fetch(`${service.url}/healthz`)).json()) as { details: object };
    expect(health.details).toMatchObject({ 'store:old': { status: 'up' }, 'store:new': { status: 'up' } });
    const metrics = await (await fetch(`${service.url}/metrics`)).text();
    expect(metrics).toMatch(/^glimpse_data_store_free_bytes\{store="new"\} \d/m);
    expect(metrics).toMatch(
      /^glimpse_data_store_operation_duration_seconds_count\{store="new",operation="write",outcome="done"\} 1$/m,
    );
  });

  it('that is swapped with the first one is refused', async () => {
    await stop();
    const swap = (): void => {
      renameSync(pathOf('old'), pathOf('other'));
      renameSync(pathOf('new'), pathOf('old'));
      renameSync(pathOf('other'), pathOf('new'));
    };
    swap();
    expect((await check()).stderr).toContain('is not the one that this catalogue has used before');
    swap();
  });

  it('that is no longer configured leaves its images without data, which is reported', async () => {
    await start('old');
    expect((await send('GET', `/images/${second.image}/file`)).status).toBe(502);
    expect(await download(first.image)).toBe('one');
    expect((await check()).lines).toContain(
      `state    1 objects are in the store new, which is not configured, such as that of image ${second.image}`,
    );
    await stop();
    await start();
    expect(await download(first.image)).toBe('one');
  });
});
