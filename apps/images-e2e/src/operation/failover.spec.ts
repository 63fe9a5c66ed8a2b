import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '@glimpse/domain/testing';
import { openEmbedded, type EmbeddedDatabase } from '@glimpse/store/embedded';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../harness/balancer.js';
import { glimpse } from '../harness/command.js';
import { DatabaseProxy } from '../harness/database-proxy.js';
import { sendRaw, type RawResponse } from '../harness/raw-http.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const IMAGES = fileURLToPath(new URL('../../contract/compute/images.json', import.meta.url));
const IMAGE = '/v2.1/images/22222222-0000-4000-8000-000000000001';

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

describe('a primary that dies, and a standby that is promoted', () => {
  let primary: EmbeddedDatabase;
  let standby: EmbeddedDatabase;
  let proxy: DatabaseProxy;
  let service: Service;

  beforeAll(async () => {
    const [first, second] = [newFolder(), newFolder()];
    const [port, standbyPort] = [await freePort(), await freePort()];
    const open = (folder: string, ...settings: string[]): Promise<EmbeddedDatabase> =>
      openEmbedded({ folder, service: false, settings: ['fsync=off', ...settings] });

    primary = await open(first, `port=${port}`);
    const env = { DATABASE_URL: primary.url };
    await glimpse(['migrate'], env);
    const { code, stderr } = await glimpse(['import', IMAGES], env);
    if (code !== 0) throw new Error(stderr);

    // The standby begins as a copy of the stopped server.
    await primary.leave();
    execFileSync('cp', ['-a', `${first}/.`, second]);
    primary = await open(first, `port=${port}`);
    writeFileSync(join(second, 'postgres/cluster/standby.signal'), '');
    const { username, password } = new URL(primary.url);
    const way = `host=127.0.0.1 port=${port} user=${username} password=${decodeURIComponent(password)}`;
    standby = await open(second, `port=${standbyPort}`, `primary_conninfo=${way}`);

    proxy = await DatabaseProxy.to(primary.url);
    service = await startService('', { DATABASE_URL: proxy.url });
  }, 120_000);

  afterAll(async () => {
    await service.stop();
    await proxy.close();
    await standby.leave();
  });

  const send = (method: string, path: string, body?: object): Promise<RawResponse> =>
    sendRaw(service.url, {
      method,
      target: IMAGE + path,
      headers: { 'x-auth-token': tokenOf('demo') },
      ...(body && { body: JSON.stringify(body) }),
    });
  const set = async (key: string): Promise<number> =>
    (await send('PUT', `/metadata/${key}`, { meta: { [key]: 'yes' } })).status;
  const keys = async (): Promise<string[]> => {
    const { metadata } = JSON.parse((await send('GET', '/metadata')).text) as { metadata: object };
    return Object.keys(metadata);
  };

  it('lose no change that reached the standby, and the service reconnects to it by itself', async () => {
    expect(await set('before')).toBe(200);
    await until(async () => {
      const rows = await query(standby.url, "SELECT 1 FROM images WHERE properties ? 'before'");
      return rows.length === 1;
    });
    // Read twice with a pause: the change notification evicts the image, and it may arrive after the first read.
    expect(await keys()).toContain('before');
    await sleep(500);
    expect(await keys()).toContain('before');

    process.kill(primary.pid, 'SIGQUIT');
    await until(async () => (await send('GET', '')).status === 203);
    expect(await set('lost')).toBe(503);

    // A standby that is not promoted yet accepts no changes, and its data may be old.
    proxy.leadTo(standby.url);
    expect(await set('lost')).toBe(503);
    expect((await send('GET', '')).status).toBe(203);

    await query(standby.url, 'SELECT pg_promote()');
    await until(async () => (await set('after')) === 200);
    await until(async () => (await send('GET', '')).status === 200);
    expect(await keys()).toEqual(expect.arrayContaining(['before', 'after']));
    expect(await keys()).not.toContain('lost');
    await until(() => service.log().split('"event":"notifications-received"').length === 3);
  }, 60_000);
});
