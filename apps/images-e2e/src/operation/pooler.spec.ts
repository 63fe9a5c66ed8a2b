import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePort } from '../harness/balancer.js';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const PGBOUNCER = '/usr/sbin/pgbouncer';
const hasPgBouncer = existsSync(PGBOUNCER);
const suite = hasPgBouncer ? describe : describe.skip;

/** In transaction mode all clients share two connections, so any state of a connection reaches other clients. */
function configuration(
  { folder, port, mode }: { folder: string; port: number; mode: 'session' | 'transaction' },
  { hostname, port: server, username }: URL,
): string {
  return `
[databases]
* = host=${hostname} port=${server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = plain
auth_file = ${folder}/users
pool_mode = ${mode}
default_pool_size = ${mode === 'session' ? 30 : 2}
logfile = ${folder}/log
admin_users = ${username}
`;
}

/** PgBouncer refuses to run as root. */
function unprivileged(folder: string): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = ['-u', '-g'].map((flag) =>
    Number(spawnSync('id', [flag, 'nobody'], { encoding: 'utf8' }).stdout),
  );
  chownSync(folder, uid!, gid!);
  chmodSync(folder, 0o755);
  return { uid: uid!, gid: gid! };
}

/** A PgBouncer in front of the run's PostgreSQL. */
class PgBouncer {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(mode: 'session' | 'transaction'): Promise<PgBouncer> {
    // A folder of its own, because the user of PgBouncer may not enter the run's.
    const folder = mkdtempSync(join(tmpdir(), 'glimpse-pgbouncer-'));
    const [port, url] = [await freePort(), new URL(databaseUrl('glimpse'))];
    writeFileSync(join(folder, 'users'), `"${url.username}" "${decodeURIComponent(url.password)}"\n`);
    writeFileSync(join(folder, 'pgbouncer.ini'), configuration({ folder, port, mode }, url));
    const user = unprivileged(folder);
    const run = spawn(PGBOUNCER, [join(folder, 'pgbouncer.ini')], { ...user, stdio: 'ignore' });
    return new PgBouncer(run, folder, port);
  }

  /** The URL of a database through PgBouncer. */
  to(direct: string): string {
    const url = new URL(direct);
    url.port = String(this.port);
    return url.toString();
  }

  stop(): void {
    this.process.kill();
    rmSync(this.folder, { recursive: true });
  }
}

suite(`PgBouncer in session mode${hasPgBouncer ? '' : ' (skipped: pgbouncer is not installed)'}`, () => {
  const image = '/v2.1/images/22222222-0000-4000-8000-000000000001';
  let pgbouncer: PgBouncer;
  let pooled: string;

  beforeAll(async () => {
    pgbouncer = await PgBouncer.start('session');
    const database = await createDatabase('contract');
    await query('postgres', `ALTER DATABASE ${database} SET timezone TO 'Asia/Kolkata'`);
    pooled = pgbouncer.to(databaseUrl(database));
  });
  afterAll(() => pgbouncer?.stop());

  it('serves times in UTC, forwards notifications, and runs migrations and purges', async () => {
    const settings = { DATABASE_URL: pooled, DATABASE_POOLER: 'session' };
    expect(await glimpse(['migrate'], settings)).toMatchObject({ code: 0, stdout: 'nothing to do\n' });
    expect(await glimpse(['purge', '--older-than', '1d'], settings)).toMatchObject({ code: 0 });
    const service = await startService('', settings);
    try {
      await until(() => service.log().includes('"event":"notifications-received"'));
      const headers = { 'x-auth-token': tokenOf('demo'), 'cache-control': 'no-cache' };
      const get = async (path: string): Promise<unknown> =>
        (await fetch(service.url + path, { headers })).json();
      const { image: shown } = (await get(image)) as { image: { id: string; created: string } };
      const { images } = (await get('/v2.1/images/detail')) as { images: { id: string; created: string }[] };
      expect(images.find(({ id }) => id === shown.id)!.created).toBe(shown.created);
    } finally {
      await service.stop();
    }
  });

  it('is refused where it is not configured, with the setting to make', async () => {
    const { code, stderr } = await glimpse(['purge', '--older-than', '1d'], { DATABASE_URL: pooled });
    expect(code).toBe(1);
    expect(stderr).toMatch(/DATABASE_POOLER=session or DATABASE_POOLER=transaction/);
  });
});

suite(`PgBouncer in transaction mode${hasPgBouncer ? '' : ' (skipped: pgbouncer is not installed)'}`, () => {
  const image = '/v2.1/images/22222222-0000-4000-8000-000000000001';
  let pgbouncer: PgBouncer;
  let service: Service;
  let pooled: string;
  let direct: string;

  beforeAll(async () => {
    direct = databaseUrl(await createDatabase('contract'));
    pgbouncer = await PgBouncer.start('transaction');
    pooled = pgbouncer.to(direct);
    service = await startService('', {
      DATABASE_URL: pooled,
      DATABASE_POOLER: 'transaction',
      DATABASE_LISTEN_URL: direct,
    });
    await until(() => service.log().includes('"event":"notifications-received"'));
  });

  afterAll(async () => {
    await service.stop();
    pgbouncer.stop();
  });

  const request = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(service.url + path, { ...init, headers: { 'x-auth-token': tokenOf('demo'), ...init.headers } });

  it('serves concurrent reads, lists and changes on two connections', async () => {
    const paths = [
      image,
      '/v2.1/images',
      '/v2.1/images/detail?limit=2',
      '/v2.1/images?name=cirros',
      '/v2.1/images?status=ACTIVE',
    ];
    const read = (i: number): Promise<Response> =>
      request(paths[i % paths.length]!, { headers: { 'cache-control': i % 2 ? 'no-cache' : 'max-age=0' } });
    const change = (i: number): Promise<Response> =>
      request(`${image}/metadata/pooled-${i}`, {
        method: 'PUT',
        body: JSON.stringify({ meta: { [`pooled-${i}`]: 'yes' } }),
      });
    // As many at a time as do not wait too long for two connections on a busy machine.
    for (let round = 0; round < 10; round++) {
      const responses = await Promise.all([
        ...Array.from({ length: 20 }, (_, i) => read(i)),
        ...[change(2 * round), change(2 * round + 1)],
      ]);
      expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200));
    }
    const { metadata } = (await (await request(`${image}/metadata`)).json()) as { metadata: object };
    expect(Object.keys(metadata).filter((key) => key.startsWith('pooled-'))).toHaveLength(20);
  });

  it('is bypassed by migrations and purges', async () => {
    const settings = { DATABASE_URL: pooled, DATABASE_POOLER: 'transaction', DATABASE_LISTEN_URL: direct };
    expect(await glimpse(['migrate'], settings)).toMatchObject({ code: 0, stdout: 'nothing to do\n' });
    expect(await glimpse(['purge', '--older-than', '1d'], settings)).toMatchObject({ code: 0 });
  });

  it('is no obstacle to glimpse doctor, which tests both connections', async () => {
    const settings = { DATABASE_URL: pooled, DATABASE_POOLER: 'transaction', DATABASE_LISTEN_URL: direct };
    const { code, stdout } = await glimpse(['doctor'], settings);
    expect({ code, failures: stdout.match(/^(?:failed|warning).*$/gm) }).toEqual({ code: 0, failures: null });
    for (const subject of ['database', 'rights', 'migrations', 'connections', 'database for notifications']) {
      expect(stdout).toMatch(new RegExp(`^ok +${subject}: `, 'm'));
    }
  });

  it('is detected as the listening connection: then images are read each time', async () => {
    const other = await startService('', {
      DATABASE_URL: pooled,
      DATABASE_POOLER: 'transaction',
      DATABASE_LISTEN_URL: pooled,
    });
    try {
      await until(() =>
        other.log().includes('there is a pooler in front, which does not forward notifications'),
      );
      const response = await fetch(other.url + image, { headers: { 'x-auth-token': tokenOf('demo') } });
      expect(response.status).toBe(200);
    } finally {
      await other.stop();
    }
  });

  it.each([
    ['statement_timeout', '300', /SET statement_timeout = \d+/],
    ['search_path', 'elsewhere', /SET search_path = "public"/],
  ])(
    'is refused where the role has another %s, with the statement that mends it',
    async (name, value, mend) => {
      const database = await createDatabase('contract');
      await query(database, 'CREATE SCHEMA elsewhere');
      await query('postgres', `ALTER DATABASE ${database} SET ${name} = ${value}`);
      const url = new URL(databaseUrl(database));
      url.searchParams.set('schema', 'public');
      const { code, stdout } = await glimpse(['doctor'], {
        DATABASE_URL: pgbouncer.to(url.href),
        DATABASE_POOLER: 'transaction',
        DATABASE_LISTEN_URL: url.href,
      });
      expect(code).toBe(1);
      expect(stdout).toMatch(
        new RegExp(`^failed.*ALTER ROLE \\S+ IN DATABASE ${database} ${mend.source}`, 'm'),
      );
    },
  );

  it('is refused without a listening connection that bypasses it', async () => {
    const { code, stderr } = await glimpse(['serve'], {
      DATABASE_URL: pooled,
      DATABASE_POOLER: 'transaction',
    });
    expect(code).not.toBe(0);
    expect(stderr).toContain(
      'DATABASE_LISTEN_URL is missing: with DATABASE_POOLER = "transaction" it has to lead to the primary',
    );
  });
});
