import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Binaries } from './binaries.js';
import { makeDataFolder } from './data-folder.js';
import { EmbeddedDatabaseError } from './errors.js';
import { asUser, chooseUser, type ServerUser } from './user.js';

/** A running postmaster, as its `postmaster.pid` describes it. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
}

/** The time limit of starting and of stopping a server. */
const START_STOP_TIMEOUT_MS = 30_000;

/** How long to try again when a server does not start, in milliseconds. */
const RETRY = 3_000;

/** A number that no process has. */
const NO_PROCESS = 2 ** 31 - 1;

/** Nothing of the machine's locale gets in: the folder is the same wherever it was made. */
const LOCALE = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/**
 * Nor of its time zone, which a cluster of an earlier release has in its configuration. The command line comes
 * before that, and applies to clusters of any age.
 */
const TIME_ZONE = ['timezone=UTC', 'log_timezone=UTC'];

/**
 * A PostgreSQL cluster in a folder: made, started, found and stopped here. Sharing it between processes is the concern of `index.ts`.
 *
 *     FOLDER/postgres/cluster     belongs, like the folder, to the user that the server runs as
 *     FOLDER/postgres/password    of the database user `glimpse`
 *     FOLDER/postgres.log         the server's log
 */
export class Cluster {
  readonly #home: string;
  readonly #data: string;
  readonly #log: string;
  readonly #passwordFile: string;

  /** @throws {EmbeddedDatabaseError} the folder cannot be made or written to */
  constructor(
    private readonly folder: string,
    private readonly binaries: Binaries,
    /** Settings for the server, such as `fsync=off`. */
    private readonly settings: readonly string[],
  ) {
    const path = makeDataFolder(folder);
    this.#home = join(realpathSync(path), 'postgres');
    this.#data = join(this.#home, 'cluster');
    this.#log = join(path, 'postgres.log');
    this.#passwordFile = join(this.#home, 'password');
  }

  /** The password of the database user `glimpse`. */
  get password(): string {
    return readFileSync(this.#passwordFile, 'utf8');
  }

  /**
   * Makes the cluster if there is none.
   *
   * @throws {EmbeddedDatabaseError} there is one, of another PostgreSQL; or none can be made
   */
  prepare(): void {
    if (existsSync(this.#data)) {
      const version = readFileSync(join(this.#data, 'PG_VERSION'), 'utf8').trim();
      if (version === this.binaries.version) return;
      throw new EmbeddedDatabaseError(
        `${this.#data} was made by PostgreSQL ${version} and this is PostgreSQL ${this.binaries.version}: ` +
          `run the Glimpse that made it, or choose another folder with GLIMPSE_DATA_DIR`,
      );
    }
    this.#make();
  }

  /** Two processes may do this at the same time: each makes a folder of its own, and one gets the name. */
  #make(): void {
    const user = chooseUser(this.#home, [this.folder, this.binaries.folder]);
    const draft = mkdtempSync(`${this.#home}.`);
    const cluster = join(draft, 'cluster');
    const passwordFile = join(draft, 'password');
    mkdirSync(cluster, { mode: 0o700 });
    writeFileSync(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 });
    if (user.kind === 'other') {
      for (const path of [draft, cluster, passwordFile]) chownSync(path, user.uid, user.gid);
    }
    try {
      this.#initdb(user, cluster, passwordFile);
      renameSync(draft, this.#home);
    } catch (error) {
      if (!existsSync(this.#data)) throw error;
    } finally {
      rmSync(draft, { recursive: true, force: true });
    }
  }

  #initdb(user: ServerUser, cluster: string, passwordFile: string): void {
    const fixed = [
      '-D',
      cluster,
      '-U',
      'glimpse',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      ...LOCALE,
    ];
    // A machine without C.UTF-8 refuses the first; names beyond ASCII then have no index to be searched by.
    let refusal = '';
    for (const ctype of [['--lc-ctype=C.UTF-8'], []]) {
      const { command, args, ids } = asUser(user, this.binaries.initdb, [...fixed, ...ctype]);
      const run = spawnSync(command, args, { ...ids, cwd: '/', env: environment(), encoding: 'utf8' });
      if (run.status === 0) return;
      refusal = run.error?.message ?? run.stderr.trim().split('\n').at(-1) ?? '';
    }
    throw new EmbeddedDatabaseError(
      `the embedded PostgreSQL cannot be set up here (${refusal}); name a PostgreSQL of your own in DATABASE_URL`,
    );
  }

  /** Finds the server that runs on the cluster and accepts connections. */
  running(): Postmaster | undefined {
    const server = this.#holder();
    return server?.ready ? { pid: server.pid, port: server.port } : undefined;
  }

  /**
   * The server that has the cluster, be it starting, ready or stopping. A `postmaster.pid` whose number is
   * another process's now, which is usual in containers, would keep PostgreSQL from starting. The rest of the
   * file stays: from that it finds out whether anything that a killed server left still works on the cluster.
   */
  #holder(): (Postmaster & { ready: boolean }) | undefined {
    const file = join(this.#data, 'postmaster.pid');
    const lines = readLines(file);
    const pid = Number(lines[0]);
    if (!pid || pid === NO_PROCESS) return undefined;
    if (!isPostmasterOf(pid, this.#data)) {
      // PostgreSQL recognises the number of a process that is gone. Another process may be starting the server at this
      // moment, and its file must not be changed.
      if (exists(pid)) writeFileSync(file, [NO_PROCESS, ...lines.slice(1)].join('\n'), { flag: 'r+' });
      return undefined;
    }
    return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === 'ready' };
  }

  /**
   * Starts the server; where another process starts it in the same moment, waits for that one.
   *
   * @throws {EmbeddedDatabaseError} it does not come up
   */
  async start(): Promise<Postmaster> {
    // An obstacle may pass: the port is in use for a moment, or processes of a killed server are about to end.
    const deadline = Date.now() + RETRY;
    for (let attempt = 1; ; attempt++) {
      // After a crash on the port that processes of this folder are still connecting to, while it can be had.
      const port = (attempt <= 10 && this.#portOfKilled()) || (await freePort());
      const outcome = await this.#tryStart(port);
      if (typeof outcome !== 'string') return outcome;
      if (Date.now() > deadline) {
        throw new EmbeddedDatabaseError(
          `the embedded PostgreSQL does not start (${outcome}): see ${this.#log}, or name a PostgreSQL of your own in DATABASE_URL`,
        );
      }
      await sleep(100);
    }
  }

  /** The port of a server that left its `postmaster.pid`, or undefined after one that was stopped. */
  #portOfKilled(): number | undefined {
    return Number(readLines(join(this.#data, 'postmaster.pid'))[3]) || undefined;
  }

  /** @returns the server, or why there is none */
  async #tryStart(port: number): Promise<Postmaster | string> {
    const log = openSync(this.#log, 'a', 0o600);
    const { command, args, ids } = asUser(chooseUser(this.#data, []), this.binaries.postgres, [
      '-D',
      this.#data,
      ...[
        `port=${port}`,
        'listen_addresses=127.0.0.1',
        'unix_socket_directories=',
        ...TIME_ZONE,
        ...this.settings,
      ].flatMap((setting) => ['-c', setting]),
    ]);
    // A process group of its own, so that Ctrl-C does not reach the server before the service has drained.
    const server = spawn(command, args, {
      ...ids,
      cwd: '/',
      env: environment(),
      detached: true,
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    let ended: string | undefined;
    server.once('error', (error) => (ended = error.message));
    server.once('exit', (code, signal) => (ended ??= `it ended with ${signal ?? code}`));
    server.unref();
    for (const deadline = Date.now() + START_STOP_TIMEOUT_MS; Date.now() < deadline; await sleep(10)) {
      const holder = this.#holder();
      if (holder?.ready) return { pid: holder.pid, port: holder.port };
      if (ended !== undefined && !holder) return ended;
    }
    return 'no answer';
  }

  /** Stops the server as a fast shutdown does, and waits until it is gone. */
  async stop({ pid }: Postmaster): Promise<void> {
    process.kill(pid, 'SIGINT');
    // An orphan stays a zombie for a while, so its file is checked, not its process id.
    for (const deadline = Date.now() + START_STOP_TIMEOUT_MS; Date.now() < deadline; await sleep(10)) {
      if (!existsSync(join(this.#data, 'postmaster.pid'))) return;
    }
    throw new EmbeddedDatabaseError(
      `the embedded PostgreSQL (process ${pid}) does not stop: see ${this.#log}`,
    );
  }
}

/** The lines of a file; of one that is not there, none. */
function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return [];
  }
}

/** What initdb and the server inherit: the path of programs, and nothing of locale, time zone or libpq. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], TZ: 'UTC' };
}

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function isPostmasterOf(pid: number, data: string): boolean {
  if (process.platform !== 'linux') return exists(pid);
  try {
    // A postmaster's working directory is its data folder.
    return readlinkSync(`/proc/${pid}/cwd`) === data;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
