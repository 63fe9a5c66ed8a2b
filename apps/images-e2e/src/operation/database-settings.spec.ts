import { readFileSync } from 'node:fs';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { IDENTITIES, startService, tokenOf, type Service } from '../harness/service.js';

const PATH = '/v2.1/images';

/** A client of a service on a database of its own. */
interface Client {
  readonly service: Service;
  readonly database: string;
  send(path: string, init?: RequestInit): Promise<Response>;
}

async function serve(database: string, settings: Record<string, string> = {}): Promise<Client> {
  const service = await startService(database, settings);
  const headers = { 'x-auth-token': tokenOf('demo'), 'cache-control': 'no-cache' };
  return { service, database, send: (path, init) => fetch(service.url + path, { headers, ...init }) };
}

interface Shown {
  readonly id: string;
  readonly created: string;
  readonly updated: string;
}

async function json<T>(response: Response): Promise<T> {
  expect(response.status).toBe(200);
  return (await response.json()) as T;
}

async function purge(database: string, age: string): Promise<string> {
  const { code, stdout, stderr } = await glimpse(['purge', '--older-than', age], {
    DATABASE_URL: databaseUrl(database),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout;
}

describe.each(['Asia/Kolkata', 'America/St_Johns'])('in a database whose time zone is %s', (zone) => {
  let client: Client;

  beforeAll(async () => {
    const database = await createDatabase('contract');
    await query('postgres', `ALTER DATABASE ${database} SET timezone TO '${zone}'`);
    await query('postgres', `ALTER DATABASE ${database} SET datestyle TO 'SQL, DMY'`);
    client = await serve(database);
  });
  afterAll(() => client?.service.stop());

  it('an image has the times that PostgreSQL holds, by its id and in lists', async () => {
    const { images } = await json<{ images: Shown[] }>(await client.send(`${PATH}/detail`));
    expect(images.length).toBeGreaterThan(1);
    for (const listed of images) {
      const response = await client.send(`${PATH}/${listed.id}`);
      const { image } = await json<{ image: Shown }>(response);
      const [row] = await query(
        client.database,
        `SELECT created_at, updated_at FROM images WHERE id = '${listed.id}'`,
      );
      const seconds = (time: unknown): string => `${(time as Date).toISOString().slice(0, 19)}Z`;
      const times = { created: seconds(row!['created_at']), updated: seconds(row!['updated_at']) };
      expect(image).toMatchObject(times);
      expect(listed).toMatchObject(times);
      expect(new Date(response.headers.get('last-modified')!)).toEqual(new Date(times.updated));
    }
  });

  it('a change has the current time, and changes-since finds it', async () => {
    const { images } = await json<{ images: Shown[] }>(await client.send(PATH));
    const before = new Date(Math.floor(Date.now() / 1000) * 1000);
    const response = await client.send(`${PATH}/22222222-0000-4000-8000-000000000001/metadata/zone`, {
      method: 'PUT',
      headers: { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/json' },
      body: JSON.stringify({ meta: { zone } }),
    });
    expect(response.status).toBe(200);
    const since = await json<{ images: Shown[] }>(
      await client.send(`${PATH}?changes-since=${before.toISOString()}`),
    );
    expect(since.images.map(({ id }) => id)).toEqual(['22222222-0000-4000-8000-000000000001']);
    expect(images.length).toBeGreaterThan(1);
  });

  it('purge leaves what was deleted less than its age ago', async () => {
    const id = '22222222-0000-4000-8000-000000000001';
    await query(client.database, `UPDATE images SET deleted_at = now() - interval '3 h' WHERE id = '${id}'`);
    expect(await purge(client.database, '4h')).toBe('0 images purged\n');
    expect(await purge(client.database, '2h')).toBe('1 images purged\n');
  });
});

describe('where the database has other defaults for transactions', () => {
  let client: Client;

  beforeAll(async () => {
    const database = await createDatabase('contract');
    for (const setting of [
      `default_transaction_isolation TO 'serializable'`,
      `default_transaction_read_only TO on`,
      `lock_timeout TO '10ms'`,
      `statement_timeout TO '20ms'`,
    ]) {
      await query('postgres', `ALTER DATABASE ${database} SET ${setting}`);
    }
    client = await serve(database);
  });
  afterAll(() => client?.service.stop());

  it('80 concurrent changes of one image are all made', async () => {
    const path = `${PATH}/22222222-0000-4000-8000-000000000001/metadata`;
    const changes = Array.from({ length: 80 }, (_, n) =>
      client.send(`${path}/key-${n}`, {
        method: 'PUT',
        headers: { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/json' },
        body: JSON.stringify({ meta: { [`key-${n}`]: 'yes' } }),
      }),
    );
    const statuses = (await Promise.all(changes)).map(({ status }) => status);
    expect(new Set(statuses)).toEqual(new Set([200]));
    const { metadata } = await json<{ metadata: object }>(await client.send(path));
    expect(Object.keys(metadata).filter((key) => key.startsWith('key-'))).toHaveLength(80);
  });
});

describe('a role with the rights of the guide', () => {
  it('may do all that the service does, once another role has migrated', async () => {
    const database = await createDatabase('empty');
    const [owner, role] = [`${database}_owner`, `${database}_rows`];
    const urlOf = (user: string): string => {
      const url = new URL(databaseUrl(database));
      [url.username, url.password] = [user, 'wonderland'];
      return url.toString();
    };
    const guide = readFileSync(new URL('../../../../docs/operators.md', import.meta.url), 'utf8');
    const [, grants] = /```sql\n(CREATE SCHEMA catalogue[^`]+)```/.exec(guide)!;
    for (const name of [owner, role])
      await query('postgres', `CREATE ROLE ${name} LOGIN PASSWORD 'wonderland'`);
    await query(database, 'DROP SCHEMA IF EXISTS catalogue CASCADE');
    await query(database, 'CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA public');
    await query(
      database,
      grants!.replaceAll('glimpse_owner', owner).replaceAll('TO glimpse;', `TO ${role};`),
    );
    for (const name of [owner, role]) {
      await query(database, `GRANT USAGE ON SCHEMA public TO ${name}`);
      await query(
        'postgres',
        `ALTER ROLE ${name} IN DATABASE ${database} SET search_path = catalogue, public`,
      );
    }
    expect(await glimpse(['migrate'], { DATABASE_URL: urlOf(owner) })).toMatchObject({ code: 0, stderr: '' });

    const settings = { DATABASE_URL: urlOf(role) };
    const id = '11111111-2222-4000-8000-000000000001';
    const document = {
      ...{
        id,
        name: 'alone',
        status: 'active',
        visibility: 'private',
        owner: IDENTITIES['demo']!.project_id,
      },
      ...{ created_at: '2026-01-01T00:00:00Z', updated_at: '2026-01-01T00:00:00Z', min_disk: 0, min_ram: 0 },
    };
    const imported = await glimpse(['import', '-'], settings, { input: JSON.stringify(document) });
    expect(imported).toMatchObject({ code: 0 });
    const client = await serve('', settings);
    try {
      const { images } = await json<{ images: Shown[] }>(await client.send(PATH));
      expect(images.map((image) => image.id)).toEqual([id]);
      const changed = await client.send(`${PATH}/${id}/metadata/os`, {
        method: 'PUT',
        headers: { 'x-auth-token': tokenOf('demo'), 'content-type': 'application/json' },
        body: JSON.stringify({ meta: { os: 'linux' } }),
      });
      expect(changed.status).toBe(200);
      expect((await client.send(`${PATH}/${id}`)).status).toBe(200);
      const headers = { 'x-auth-token': tokenOf('demo') };
      expect((await client.send(`${PATH}/${id}`, { method: 'DELETE', headers })).status).toBe(204);
      await until(() => client.service.log().includes('"event":"checks-ended"'));
      expect(client.service.log()).not.toContain('"subject":"rights"');
    } finally {
      await client.service.stop();
    }
    const purged = await glimpse(['purge', '--older-than', '0d'], settings);
    expect(purged).toEqual({ code: 0, stdout: '1 images purged\n', stderr: '' });
  });
});

describe('a schema that the URL names', () => {
  it('is migrated, imported into, listed and read', async () => {
    const database = await createDatabase('empty');
    await query(database, 'CREATE SCHEMA "own one"');
    await query(database, 'GRANT ALL ON SCHEMA "own one" TO PUBLIC');
    const url = new URL(databaseUrl(database));
    url.search = 'sslmode=disable&schema=own%20one';
    const settings = { DATABASE_URL: url.toString() };
    expect(await glimpse(['migrate'], settings)).toMatchObject({ code: 0, stderr: '' });
    const id = '11111111-2222-4000-8000-000000000001';
    const document = {
      id,
      name: 'alone',
      status: 'active',
      visibility: 'public',
      owner: null,
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
      min_disk: 0,
      min_ram: 0,
    };
    expect(await glimpse(['import', '-'], settings, { input: JSON.stringify(document) })).toMatchObject({
      code: 0,
    });
    const client = await serve(database, settings);
    try {
      const { images } = await json<{ images: Shown[] }>(await client.send(PATH));
      expect(images.map((image) => image.id)).toEqual([id]);
      expect((await client.send(`${PATH}/${id}`)).status).toBe(200);
    } finally {
      await client.service.stop();
    }
  });
});
