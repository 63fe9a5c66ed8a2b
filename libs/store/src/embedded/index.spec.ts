import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { EmbeddedDatabaseError, openEmbedded, type EmbeddedDatabase, type EmbeddedOptions } from './index.js';

const linux = process.platform === 'linux';
const root = process.getuid?.() === 0;
const namespaces = linux && spawnSync('unshare', ['--user', 'true']).status === 0;
const FAST = ['fsync=off'];

/** A test that needs something of the machine: where that is missing, its name has the reason. */
function needs(what: string, isThere: boolean): (name: string, test: () => Promise<void>) => void {
  return (name, test) => (isThere ? it(name, test, 60_000) : it.skip(`${name} (skipped: no ${what})`, test));
}

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** The path of a new data folder, in a folder that every user may enter, or only its owner. */
function newFolder(mode: 0o700 | 0o755 = 0o755): string {
  const parent = mkdtempSync(join(tmpdir(), 'glimpse-embedded-'));
  chmodSync(parent, mode);
  folders.push(parent);
  return join(parent, 'data');
}

let prepared: string | undefined;
/** A data folder that was used before. */
async function usedFolder(): Promise<string> {
  if (prepared === undefined) {
    prepared = newFolder();
    await leave(await open(prepared));
  }
  const folder = newFolder();
  // With the owner and the permissions, which PostgreSQL checks.
  execFileSync('cp', ['-a', prepared, folder]);
  return folder;
}

const opened: EmbeddedDatabase[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.stdin!.end();
    await once(child, 'exit');
  }
  for (const database of opened.splice(0)) await database.leave();
});

async function open(
  folder: string,
  options: Partial<Omit<EmbeddedOptions, 'folder'>> = {},
): Promise<EmbeddedDatabase> {
  const database = await openEmbedded({ folder, service: false, settings: FAST, ...options });
  opened.push(database);
  return database;
}

async function leave(database: EmbeddedDatabase): Promise<void> {
  opened.splice(opened.indexOf(database), 1);
  await database.leave();
}

/** Another process on a folder: it prints where the server is, and leaves once its standard input ends. */
const PROGRAM = `
  const { openEmbedded } = await import(process.argv[1]);
  const database = await openEmbedded({ folder: process.argv[2], service: process.argv[3] === 'service', settings: ['fsync=off'] });
  console.log(JSON.stringify({ url: database.url, pid: database.pid }));
  process.stdin.resume().once('end', () => database.leave());
`;

interface Other {
  readonly url: string;
  readonly pid: number;
  readonly child: ChildProcess;
}

async function openElsewhere(
  folder: string,
  {
    service = false,
    ...options
  }: {
    service?: boolean;
    uid?: number;
    gid?: number;
    locale?: string;
    /** A program that runs the other process. */
    command?: string[];
  } = {},
): Promise<Other> {
  const { locale, command = [], ...ids } = options;
  const build = new URL('../../dist/embedded/index.js', import.meta.url).href;
  const args = ['--input-type=module', '--eval', PROGRAM, build, folder, service ? 'service' : ''];
  const [program, ...first] = [...command, process.execPath];
  const child = spawn(program!, [...first, ...args], {
    ...ids,
    cwd: '/',
    env: { PATH: process.env['PATH'], PGSSLMODE: 'require', ...(locale && { LC_ALL: locale, LANG: locale }) },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  children.push(child);
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`it ended with ${code}`))),
  ])) as [string];
  return { ...(JSON.parse(line) as { url: string; pid: number }), child };
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}

/** A server's processes: each child is in a process group of its own. */
function processesOf(server: number): number[] {
  const children = readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === server;
    } catch {
      return false;
    }
  });
  return [server, ...children.map(Number)];
}

const pidFile = (folder: string): string => join(folder, 'postgres/cluster/postmaster.pid');

/** What a call was refused with. */
async function refusal(call: Promise<unknown>): Promise<EmbeddedDatabaseError> {
  const error: unknown = await call.then(
    () => new Error('it was not refused'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof EmbeddedDatabaseError)) throw error;
  expect(error.message).not.toContain('\n');
  return error;
}

describe('the embedded database', () => {
  it('is started, keeps its data, and is stopped by the last to leave', async () => {
    const folder = newFolder();
    const first = await open(folder);
    await query(first.url, `CREATE TABLE kept AS SELECT 'yes' AS kept`);
    await leave(first);
    expect(existsSync(pidFile(folder))).toBe(false);

    const second = await open(folder);
    expect(await query(second.url, 'TABLE kept')).toEqual([{ kept: 'yes' }]);
    const third = await open(folder);
    expect({ url: third.url, pid: third.pid }).toEqual({ url: second.url, pid: second.pid });
    await leave(second);
    expect(await query(third.url, 'TABLE kept')).toEqual([{ kept: 'yes' }]);
    await leave(third);
    expect(existsSync(pidFile(folder))).toBe(false);
    expect(await query(second.url, 'SELECT').catch((error: { code: string }) => error.code)).toBe(
      'ECONNREFUSED',
    );
  }, 60_000);

  it('has one service, beside others that are none', async () => {
    const folder = await usedFolder();
    const service = await open(folder, { service: true });
    const { message } = await refusal(open(folder, { service: true }));
    expect(message).toBe(
      `a service already runs on ${folder}: stop it, or choose another folder with GLIMPSE_DATA_DIR`,
    );
    const other = await open(folder);
    await leave(service);
    // The place of the service is free again, and a refused process holds none.
    await leave(await open(folder, { service: true }));
    await leave(other);
    expect(existsSync(pidFile(folder))).toBe(false);
  }, 60_000);

  it('listens on loopback only, and wants its password', async () => {
    const { url, pid } = await open(await usedFolder());
    expect(await query(url, 'SHOW listen_addresses')).toEqual([{ listen_addresses: '127.0.0.1' }]);
    expect(await query(url, 'SHOW unix_socket_directories')).toEqual([{ unix_socket_directories: '' }]);
    const guessed = new URL(url);
    guessed.password = 'guessed';
    await expect(query(guessed.toString(), 'SELECT')).rejects.toMatchObject({ code: '28P01' });
    expect(pid).toBeGreaterThan(1);
  }, 60_000);

  it('shows its password, its data and its log to its owner only', async () => {
    const folder = newFolder();
    await open(folder);
    const modeOf = (path: string): number => statSync(join(folder, path)).mode & 0o777;
    expect(modeOf('postgres/password')).toBe(0o600);
    expect(modeOf('postgres/cluster')).toBe(0o700);
    expect(modeOf('postgres.log')).toBe(0o600);
  }, 60_000);

  it('has the same locale whatever that of the machine is', async () => {
    const { url } = await openElsewhere(newFolder(), { locale: 'C' });
    await query(url, 'CREATE EXTENSION pg_trgm');
    const [row] = await query(
      url,
      `SELECT 'É' ILIKE 'é' AS folds, show_trgm('日本') AS trigrams, 'a' < 'B' AS linguistic,
              current_setting('server_encoding') AS encoding`,
    );
    expect(row).toMatchObject({ folds: true, linguistic: false, encoding: 'UTF8' });
    expect(row!['trigrams']).not.toEqual([]);
  }, 60_000);

  it('of another PostgreSQL is refused', async () => {
    const folder = await usedFolder();
    writeFileSync(join(folder, 'postgres/cluster/PG_VERSION'), '99\n');
    expect((await refusal(open(folder))).message).toContain('was made by PostgreSQL 99');
  }, 60_000);

  it('that does not start is refused with where its log is', async () => {
    const folder = await usedFolder();
    const { message } = await refusal(open(folder, { settings: ['shared_buffers=none'] }));
    expect(message).toMatch(
      /^the embedded PostgreSQL does not start \(it ended with 1\): see \S+postgres\.log, or name /,
    );
    expect(readFileSync(join(folder, 'postgres.log'), 'utf8')).toContain('shared_buffers');
    await open(folder);
  }, 60_000);
});

describe('the time zone of the embedded database', () => {
  const zones = `SELECT current_setting('timezone') AS answers, current_setting('log_timezone') AS log`;

  it('is UTC in a cluster that an earlier release made with the zone of its machine', async () => {
    const folder = await usedFolder();
    const file = join(folder, 'postgres/cluster/postgresql.conf');
    appendFileSync(file, "\ntimezone = 'Asia/Kolkata'\nlog_timezone = 'Asia/Kolkata'\n");
    expect(await query((await open(folder)).url, zones)).toEqual([{ answers: 'UTC', log: 'UTC' }]);
  }, 60_000);

  needs('mount namespaces for root', root && linux && spawnSync('unshare', ['--mount', 'true']).status === 0)(
    'is UTC in a new cluster on a machine that is elsewhere',
    async () => {
      const folder = newFolder();
      const elsewhere = 'mount --bind /usr/share/zoneinfo/Asia/Kolkata /etc/localtime && exec "$@"';
      const command = ['unshare', '--mount', 'sh', '-c', elsewhere, 'sh'];
      const { url } = await openElsewhere(folder, { command });
      expect(await query(url, zones)).toEqual([{ answers: 'UTC', log: 'UTC' }]);
      const settings = readFileSync(join(folder, 'postgres/cluster/postgresql.conf'), 'utf8');
      expect(settings).toMatch(/^timezone = '?UTC'?/m);
      expect(settings).toMatch(/^log_timezone = '?UTC'?/m);
    },
  );
});

describe('an embedded database that is lost while it is used', () => {
  /** Tries until the database answers again. */
  async function answers(url: string): Promise<void> {
    for (let tries = 0; tries < 300; tries++) {
      if (await query(url, 'SELECT 1 AS one').catch(() => undefined)) return;
      await sleep(50);
    }
    throw new Error('it was not started again');
  }

  it('is started again on its port when it was killed, for each process that uses it', async () => {
    const folder = await usedFolder();
    const other = await openElsewhere(folder, { service: true });
    const database = await open(folder);
    for (let round = 0; round < 2; round++) {
      const killed = database.pid;
      process.kill(killed, 'SIGKILL');
      await answers(other.url);
      for (let tries = 0; database.pid === killed && tries < 200; tries++) await sleep(50);
      expect(database.pid).not.toBe(killed);
      expect(database.url).toBe(other.url);
    }
    // Both use it again: the first to leave does not stop it, the last does.
    other.child.stdin!.end();
    expect(await once(other.child, 'exit')).toEqual([0, null]);
    expect(await query(database.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await leave(database);
    expect(existsSync(pidFile(folder))).toBe(false);
  }, 60_000);

  needs('/proc on this platform', linux)(
    'is left as it is when it hangs, and that is an error of one line',
    async () => {
      const folder = await usedFolder();
      const database = await open(folder);
      const stopped = processesOf(database.pid);
      for (const pid of stopped) process.kill(pid, 'SIGSTOP');
      try {
        const { message } = await refusal(leave(database));
        expect(message).toBe(
          `the embedded PostgreSQL (process ${database.pid}) does not answer and was left running`,
        );
      } finally {
        for (const pid of stopped) process.kill(pid, 'SIGCONT');
      }
      await open(folder);
    },
  );
});

describe('a data folder', () => {
  it('that cannot be made is refused, and does not hang where no folder can ever be', async () => {
    const parent = newFolder();
    writeFileSync(parent, 'a file');
    for (const [folder, code] of [
      [join(parent, 'data'), 'ENOTDIR'],
      ...(linux ? [['/proc/glimpse/data', 'ENOENT']] : []),
    ] as const) {
      const { message } = await refusal(openEmbedded({ folder: folder!, service: false }));
      expect(message).toBe(
        `GLIMPSE_DATA_DIR = "${folder}": the folder ${folder} cannot be made (${code}); mend that, or choose another folder with GLIMPSE_DATA_DIR`,
      );
    }
  });

  needs('another user for root', root && linux)('that cannot be written to is refused', async () => {
    const folder = newFolder();
    mkdirSync(folder, { mode: 0o755 });
    const uid = Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout);
    const build = new URL('../../dist/embedded/index.js', import.meta.url).href;
    const { stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '--eval', PROGRAM, build, folder, ''],
      { uid, cwd: '/', encoding: 'utf8' },
    );
    expect(stderr).toContain(
      `GLIMPSE_DATA_DIR = "${folder}": the folder ${folder} cannot be written to (EACCES);`,
    );
  });
});

describe('several processes on one folder', () => {
  it('join the same server, which outlives the one that started it', async () => {
    const folder = await usedFolder();
    const first = await openElsewhere(folder, { service: true });
    const second = await open(folder);
    expect(second.pid).toBe(first.pid);
    first.child.stdin!.end();
    expect(await once(first.child, 'exit')).toEqual([0, null]);
    expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await leave(second);
    expect(existsSync(pidFile(folder))).toBe(false);
  }, 60_000);

  it('make one cluster when they open a new folder at the same moment', async () => {
    const folder = newFolder();
    const [one, two, three] = await Promise.all([1, 2, 3].map(() => openElsewhere(folder)));
    expect(two!.url).toBe(one!.url);
    expect(three!.url).toBe(one!.url);
    for (const { child } of [one!, two!, three!]) {
      child.stdin!.end();
      expect(await once(child, 'exit')).toEqual([0, null]);
    }
    expect(existsSync(pidFile(folder))).toBe(false);
  }, 60_000);

  it('are not kept from making a cluster by what one left that was killed while it made one', async () => {
    const folder = newFolder();
    const draft = `${folder}/postgres.${process.pid}/cluster`;
    mkdirSync(draft, { recursive: true });
    writeFileSync(`${draft}/PG_VERSION`, '18\n');
    expect(await query((await open(folder)).url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
  }, 60_000);

  it('adopt the server of a service that was killed, and stop it in the end', async () => {
    const folder = await usedFolder();
    const killed = await openElsewhere(folder, { service: true });
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');
    expect(await query(killed.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    const adopter = await open(folder, { service: true });
    expect(adopter.pid).toBe(killed.pid);
    await leave(adopter);
    expect(existsSync(pidFile(folder))).toBe(false);
  }, 60_000);

  it('come and go forty times at random, and each finds a server that answers', async () => {
    const folder = await usedFolder();
    const visit = async (): Promise<number> => {
      await sleep(Math.random() * 8_000);
      const database = await openEmbedded({ folder, service: false, settings: FAST });
      try {
        expect(await query(database.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        await sleep(Math.random() * 200);
      } finally {
        await database.leave();
      }
      return database.pid;
    };
    const pids = await Promise.all(Array.from({ length: 40 }, visit));
    expect(pids).toHaveLength(40);
    expect(existsSync(pidFile(folder))).toBe(false);
  }, 120_000);
});

describe('what a killed server left behind', () => {
  needs('/proc on this platform', linux)(
    'a postmaster.pid whose number is another process’s now does not keep it from starting',
    async () => {
      const folder = await usedFolder();
      const first = await open(folder);
      const [, ...lines] = readFileSync(pidFile(folder), 'utf8').split('\n');
      await leave(first);
      const { uid } = statSync(join(folder, 'postgres/cluster'));
      // PostgreSQL minds only processes of its own user.
      const sleeper = spawn('sleep', ['60'], { uid, cwd: '/' });
      try {
        writeFileSync(pidFile(folder), [sleeper.pid, ...lines].join('\n'));
        chmodSync(pidFile(folder), 0o644);
        const second = await open(folder);
        expect(second.pid).not.toBe(sleeper.pid);
        expect(await query(second.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
        expect(sleeper.exitCode).toBeNull();
      } finally {
        sleeper.kill();
      }
    },
  );

  it('a query that outlives its killed server ends before a new server starts', async () => {
    const folder = await usedFolder();
    const first = await open(folder);
    let over = false;
    const busy = query(
      first.url,
      `DO $$ BEGIN WHILE clock_timestamp() < statement_timestamp() + interval '1.5 s' LOOP END LOOP; END $$`,
    )
      .catch(() => undefined)
      .finally(() => (over = true));
    const active = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'DO %'`;
    while ((await query(first.url, active)).length === 0) await sleep(10);
    const killed = first.pid;
    process.kill(killed, 'SIGKILL');
    const second = await open(folder);
    expect(over).toBe(true);
    expect(second.pid).not.toBe(killed);
    await busy;
  }, 60_000);
});

describe('the user that the server runs as', () => {
  needs('root among the testers', root && linux)('is nobody or postgres when root starts it', async () => {
    const folder = newFolder();
    const { pid } = await open(folder);
    const { uid } = statSync(`/proc/${pid}`);
    expect(uid).not.toBe(0);
    expect(statSync(join(folder, 'postgres/cluster')).uid).toBe(uid);
  });

  needs('root among the testers', root && linux)(
    'is the ordinary user that starts it; root joins that server and starts it as that user',
    async () => {
      const uid = Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout);
      const gid = Number(spawnSync('id', ['-g', 'nobody'], { encoding: 'utf8' }).stdout);
      const folder = newFolder();
      chmodSync(join(folder, '..'), 0o777);
      const ordinary = await openElsewhere(folder, { uid, gid });
      expect(statSync(`/proc/${ordinary.pid}`).uid).toBe(uid);
      expect((await open(folder)).pid).toBe(ordinary.pid);
      ordinary.child.stdin!.end();
      await once(ordinary.child, 'exit');
      await leave(opened[0]!);
      expect(existsSync(pidFile(folder))).toBe(false);
      expect(statSync(`/proc/${(await open(folder)).pid}`).uid).toBe(uid);
    },
  );

  needs('user namespaces for root', root && namespaces)(
    'is root in a user namespace, where only root may enter the folder',
    async () => {
      const folder = newFolder(0o700);
      const first = await open(folder);
      expect(statSync(`/proc/${first.pid}`).uid).toBe(0);
      expect(await query(first.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
      await leave(first);
      expect(existsSync(pidFile(folder))).toBe(false);
      await leave(await open(folder));
    },
  );
});
