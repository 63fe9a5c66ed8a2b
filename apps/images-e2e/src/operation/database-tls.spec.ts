import { chmodSync, chownSync, copyFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { HOSTILE } from '../harness/databases.js';
import { OwnDatabase } from '../harness/own-database.js';
import { newFolder, startBareService } from '../harness/service.js';
import { AUTHORITY } from '../harness/tls-proxy.js';

const CERTIFICATES = new URL('../../../../libs/auth/contract/tls/', import.meta.url);

let database: OwnDatabase;
beforeAll(async () => {
  database = await OwnDatabase.start();
  const [{ data_directory: folder }] = (await database.query('SHOW data_directory')) as [
    { data_directory: string },
  ];
  const { uid, gid } = statSync(folder);
  for (const [from, to] of [
    ['loopback.crt', 'server.crt'],
    ['loopback.key', 'server.key'],
  ] as const) {
    const path = join(folder, to);
    copyFileSync(fileURLToPath(new URL(from, CERTIFICATES)), path);
    chownSync(path, uid, gid);
    chmodSync(path, 0o600);
  }
  await database.query('ALTER SYSTEM SET ssl = on');
  await database.query('SELECT pg_reload_conf()');
  await until(async () => (await database.query('SHOW ssl'))[0]!['ssl'] === 'on');
}, 60_000);
afterAll(() => database?.stop());

const test = HOSTILE ? it.skip : it;
const WHY_NOT = HOSTILE ? ' (skipped: it has a PostgreSQL of its own)' : '';

test.each(['require', 'verify-ca'])(
  `a service whose database is reached with sslmode=%s logs nothing but JSON${WHY_NOT}`,
  async (mode) => {
    const url = new URL(database.url);
    url.search = '';
    url.searchParams.set('sslmode', mode);
    if (mode === 'verify-ca') url.searchParams.set('sslrootcert', AUTHORITY);
    const service = await startBareService({ DATABASE_URL: url.toString(), GLIMPSE_DATA_DIR: newFolder() });
    await until(() => service.log().includes('"event":"notifications-received"'));
    await until(() => service.log().includes('"event":"checks-ended"'));
    const secured = await database.query('SELECT pid FROM pg_stat_ssl WHERE ssl');
    expect(secured).not.toEqual([]);
    expect(await service.stop()).toBe(0);
    const lines = service.log().trimEnd().split('\n');
    for (const line of lines) expect(() => JSON.parse(line) as unknown).not.toThrow();
    expect(lines.at(-1)).toContain('"event":"stopped"');
  },
  60_000,
);
