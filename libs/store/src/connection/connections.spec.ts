import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDatabase } from './database.js';
import { openTemporary, type TemporaryDatabase } from '../testing/index.js';
import { connect } from './connections.js';
import type { SessionOptions } from './session.js';

const SESSION: SessionOptions = { name: 'glimpse spec', statementTimeout: 1_234, catalogue: true };

let server: TemporaryDatabase;
beforeAll(async () => {
  server = await openTemporary();
}, 60_000);
afterAll(async () => {
  await server?.close();
}, 60_000);

async function valueOf(url: string, text: string, session = SESSION): Promise<unknown> {
  const client = await connect(url, session);
  try {
    return (await client.query<Record<string, unknown>>(text)).rows[0];
  } finally {
    await client.end();
  }
}

function at(change: (url: URL) => void): string {
  const url = new URL(server.url);
  change(url);
  return url.toString();
}

async function closedPort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

describe('a session', () => {
  const HOSTILE = {
    TimeZone: 'Asia/Kolkata',
    DateStyle: 'German',
    default_transaction_isolation: 'serializable',
    default_transaction_read_only: 'on',
    statement_timeout: '1ms',
    lock_timeout: '1ms',
    idle_session_timeout: '1s',
    search_path: 'nowhere',
    enable_seqscan: 'on',
  };

  it('has its settings, whatever those of the database are and whatever options the URL has', async () => {
    for (const [name, value] of Object.entries(HOSTILE)) {
      await valueOf(server.url, `ALTER DATABASE glimpse SET ${name} = '${value}'`);
    }
    const options = encodeURIComponent('-c enable_seqscan=on -c work_mem=5MB');
    const url = at((named) => (named.search = `sslmode=disable&schema=a%22b%20c&options=${options}`));
    const names = Object.keys(HOSTILE).filter((name) => name !== 'idle_session_timeout');
    const shown = names.map((name) => `current_setting('${name}') AS "${name}"`);
    expect(await valueOf(url, `SELECT ${shown.join(', ')}, current_setting('work_mem') AS work_mem`)).toEqual(
      {
        TimeZone: 'UTC',
        DateStyle: 'ISO, MDY',
        default_transaction_isolation: 'read committed',
        default_transaction_read_only: 'off',
        statement_timeout: '1234ms',
        lock_timeout: '617ms',
        search_path: '"a""b c"',
        enable_seqscan: 'off',
        work_mem: '5MB',
      },
    );
    for (const name of Object.keys(HOSTILE)) {
      await valueOf(server.url, `ALTER DATABASE glimpse RESET ${name}`);
    }
  });

  it('is refused in a database whose encoding cannot hold every name', async () => {
    const create = `CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0`;
    await valueOf(server.url, create, { ...SESSION, statementTimeout: 0 });
    const url = at((latin) => (latin.pathname = 'latin'));
    await expect(connect(url, SESSION)).rejects.toThrow('the encoding of the database is LATIN1');
  });

  it('sends dates in UTC', async () => {
    const client = await connect(server.url, SESSION);
    const { rows } = await client.query<{ text: string }>('SELECT $1::text AS text', [new Date(0)]);
    await client.end();
    expect(rows[0]!.text).toBe('1970-01-01T00:00:00.000+00:00');
  });
});

describe('a URL of several hosts', () => {
  it('leads to the first that is there, on a connection and in a pool', async () => {
    const { host, port, username, password } = new URL(server.url);
    const away = `127.0.0.1:${await closedPort()}`;
    const url = `postgresql://${username}:${password}@${away},${host}/glimpse`;
    const portQuery = `SELECT inet_server_port()::text AS port`;
    expect(await valueOf(url, portQuery)).toEqual({ port });
    const database = openDatabase({ url, poolSize: 2 });
    try {
      const ports = await Promise.all([1, 2, 3].map(() => database.pool.query(portQuery)));
      expect(ports.map(({ rows }) => rows)).toEqual([[{ port }], [{ port }], [{ port }]]);
    } finally {
      await database.close();
    }
  });

  it('fails with the error of the last where none is available', async () => {
    const [one, other] = [await closedPort(), await closedPort()];
    await expect(connect(`postgresql://u:p@127.0.0.1:${one},127.0.0.1:${other}/d`, SESSION)).rejects.toThrow(
      `ECONNREFUSED 127.0.0.1:${other}`,
    );
  });
});

describe('a URL without a password', () => {
  it('fails with a line about that where the server requires one', async () => {
    await expect(
      connect(
        at((url) => (url.password = '')),
        SESSION,
      ),
    ).rejects.toThrow('the server requires a password, and the URL has none');
  });
});

describe('a socket of this machine', () => {
  let folder: string;
  let local: TemporaryDatabase;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'glimpse-socket-'));
    // The server may run as another user.
    chmodSync(folder, 0o777);
    local = await openTemporary([`unix_socket_directories=${folder}`]);
  }, 60_000);
  afterAll(async () => {
    await local?.close();
    rmSync(folder, { recursive: true, force: true });
  }, 60_000);

  it('leads to its server where the URL names its folder as the host', async () => {
    const { username, password, port, pathname } = new URL(local.url);
    const host = new URLSearchParams({ host: folder, port });
    const url = `postgresql://${username}:${password}@${pathname}?${host}`;
    const text = 'SELECT inet_server_addr() AS address, current_database() AS name';
    const expected = { address: null, name: pathname.slice(1) };
    expect(await valueOf(url, text)).toEqual(expected);
    const database = openDatabase({ url, poolSize: 1 });
    try {
      expect((await database.pool.query(text)).rows).toEqual([expected]);
    } finally {
      await database.close();
    }
    expect(await valueOf(local.url, text)).toEqual({ ...expected, address: expect.any(String) });
  });
});

describe('sslmode', () => {
  let folder: string;

  /** Makes an authority of its own and a certificate for `localhost`, with openssl. */
  function makeCertificates(): void {
    const openssl = (...args: string[]): void => {
      const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
    };
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    for (const name of ['authority', 'other']) {
      openssl(
        'req',
        '-x509',
        ...key,
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.crt`,
        '-subj',
        `/CN=${name}`,
      );
    }
    openssl('req', ...key, '-keyout', 'server.key', '-out', 'server.csr', '-subj', '/CN=localhost');
    writeFileSync(join(folder, 'names'), 'subjectAltName=DNS:localhost\n');
    const signed = [
      '-CA',
      'authority.crt',
      '-CAkey',
      'authority.key',
      '-CAcreateserial',
      '-extfile',
      'names',
    ];
    openssl('x509', '-req', '-in', 'server.csr', '-out', 'server.crt', ...signed);
  }

  /** Switches TLS on, or off again. */
  async function setTls(state: 'on' | 'off'): Promise<void> {
    await valueOf(server.url, `ALTER SYSTEM SET ssl = ${state}`);
    await valueOf(server.url, 'SELECT pg_reload_conf()');
    await sleep(200);
  }

  const modes = (query: string, host = 'localhost'): Promise<unknown> =>
    valueOf(
      at((url) => {
        url.hostname = host;
        url.search = query.replaceAll('FOLDER', folder);
      }),
      'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()',
    );

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'glimpse-tls-'));
    makeCertificates();
    const { data_directory: data } = (await valueOf(server.url, 'SHOW data_directory')) as {
      data_directory: string;
    };
    const { uid, gid } = statSync(data);
    for (const name of ['server.crt', 'server.key']) {
      const text = spawnSync('cat', [join(folder, name)], { encoding: 'utf8' }).stdout;
      writeFileSync(join(data, name), text, { mode: 0o600 });
      chownSync(join(data, name), uid, gid);
    }
    await setTls('on');
  });
  afterAll(async () => {
    await setTls('off');
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['', true],
    ['sslmode=prefer', true],
    ['sslmode=require', true],
    ['sslmode=disable', false],
    ['sslmode=verify-ca&sslrootcert=FOLDER/authority.crt', true],
    ['sslmode=verify-full&sslrootcert=FOLDER/authority.crt', true],
    ['sslmode=require&sslrootcert=FOLDER/authority.crt', true],
    ['sslmode=require&sslnegotiation=direct', true],
  ])('%s connects to a server with the certificate of a private authority', async (query, ssl) => {
    expect(await modes(query)).toEqual({ ssl });
  });

  it.each([
    ['sslmode=verify-full', 'localhost', /unable to verify|self-signed|unable to get/],
    ['sslmode=verify-full&sslrootcert=system', 'localhost', /unable to verify|self-signed|unable to get/],
    [
      'sslmode=verify-ca&sslrootcert=FOLDER/other.crt',
      'localhost',
      /unable to verify|self-signed|unable to get/,
    ],
    [
      'sslmode=require&sslrootcert=FOLDER/other.crt',
      'localhost',
      /unable to verify|self-signed|unable to get/,
    ],
    ['sslmode=verify-full&sslrootcert=FOLDER/authority.crt', '127.0.0.1', /does not match|not in the cert/],
  ])('%s refuses it on %s', async (query, host, message) => {
    await expect(modes(query, host)).rejects.toThrow(message);
  });

  it('verify-ca does not check the name', async () => {
    expect(await modes('sslmode=verify-ca&sslrootcert=FOLDER/authority.crt', '127.0.0.1')).toEqual({
      ssl: true,
    });
  });

  it('prefer and no mode connect without TLS where the server has none, and require does not', async () => {
    await setTls('off');
    try {
      expect(await modes('')).toEqual({ ssl: false });
      expect(await modes('sslmode=prefer')).toEqual({ ssl: false });
      await expect(modes('sslmode=require')).rejects.toThrow('does not support SSL');
    } finally {
      await setTls('on');
    }
  });
});
