import { until } from '@glimpse/domain/testing';
import { afterEach, expect, it } from '@jest/globals';
import { glimpse } from './command.js';
import { createDatabase, databaseUrl, query } from './databases.js';
import { startService, tokenOf, type Service } from './service.js';

/** A store of image data, as a test of backups sees it. */
export interface RestoredStore {
  readonly settings: Readonly<Record<string, string>>;
  /** The keys of its objects. */
  keys(): Promise<string[]>;
  /** A store with a copy of everything that it has. */
  copy(): Promise<RestoredStore>;
}

interface Uploaded {
  readonly image: string;
  readonly object: string;
}

/** Declares the test of a store and a database that are restored to different times. */
export function itSurvivesRestores(name: string, open: () => RestoredStore): void {
  let database: string;
  let store: RestoredStore;
  let service: Service | undefined;
  afterEach(() => stop());

  async function serve(): Promise<void> {
    service = await startService(database, { GLIMPSE_IMAGE_PORT: '0', ...store.settings });
  }

  async function stop(): Promise<void> {
    await service?.stop();
    service = undefined;
  }

  async function send(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; text: string }> {
    const headers = { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/octet-stream' };
    const init: RequestInit = { method, headers, ...(body !== undefined && { body }) };
    const response = await fetch(`${service!.imageUrl}/v2/images${path}`, init);
    return { status: response.status, text: await response.text() };
  }

  async function uploaded(text: string): Promise<Uploaded> {
    const created = await send('POST', '', JSON.stringify({ disk_format: 'raw', container_format: 'bare' }));
    const { id: image } = JSON.parse(created.text) as { id: string };
    expect((await send('PUT', `/${image}/file`, text)).status).toBe(204);
    const rows = await query(database, `SELECT id FROM image_objects WHERE image_id = '${image}'`);
    return { image, object: rows[0]!['id'] as string };
  }

  async function findings(): Promise<string[]> {
    const env = { ...store.settings, DATABASE_URL: databaseUrl(database) };
    const { stdout } = await glimpse(['data', 'check'], env);
    expect(stdout).toMatch(/\d+ findings/);
    return stdout.trim().split('\n').slice(0, -1);
  }

  it(
    name,
    async () => {
      database = await createDatabase('migrated');
      store = open();
      await serve();
      // In several parts, where a store has parts.
      const bytes = 'kept '.repeat(2_000_000);
      const kept = await uploaded(bytes);
      const deleted = await uploaded('deleted later');
      await stop();
      const older = `${database}_older`;
      await query('postgres', `CREATE DATABASE ${older} TEMPLATE ${database}`);
      const olderStore = await store.copy();

      await serve();
      const later = await uploaded('uploaded later');
      expect((await send('DELETE', `/${deleted.image}`)).status).toBe(204);
      await until(async () => (await store.keys()).length === 2, 60_000);
      await stop();
      const newer = { database, store };

      // The database of the backup, with the store of today.
      database = older;
      await serve();
      const doomed = await uploaded('doomed');
      expect((await send('DELETE', `/${doomed.image}`)).status).toBe(204);
      // Once this is swept, all else has been.
      await until(async () => !(await store.keys()).includes(doomed.object), 60_000);
      expect((await store.keys()).sort()).toEqual([kept.object, later.object].sort());
      expect((await send('GET', `/${deleted.image}/file`)).status).toBe(502);
      expect((await send('GET', `/${deleted.image}`)).text).toContain('"status":"active"');
      expect((await send('GET', `/${kept.image}/file`)).text).toBe(bytes);
      await stop();
      expect(await findings()).toEqual([
        expect.stringContaining(`missing  image ${deleted.image}`),
        expect.stringContaining(`orphan   object ${later.object}`),
      ]);

      // The database of today, with the store of the backup.
      ({ database } = newer);
      store = olderStore;
      await serve();
      expect((await send('GET', `/${later.image}/file`)).status).toBe(502);
      expect((await send('GET', `/${kept.image}/file`)).text).toBe(bytes);
      expect(await findings()).toEqual([expect.stringContaining(`missing  image ${later.image}`)]);
      await stop();

      ({ store } = newer);
      await serve();
      expect(await send('GET', `/${later.image}/file`)).toEqual({ status: 200, text: 'uploaded later' });
      expect(await findings()).toEqual([]);
    },
    180_000,
  );
}
