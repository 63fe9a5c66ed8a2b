import { readFileSync, readdirSync } from 'node:fs';
import { openEmbedded, type EmbeddedDatabase } from '@glimpse/store/embedded';
import pg from 'pg';
import { freePort } from './balancer.js';
import { glimpse } from './command.js';
import { newFolder } from './service.js';

/** The reason why suites that stop a server cannot run here; empty where they can. */
export const CANNOT_SIGNAL = process.platform === 'linux' ? '' : ' (skipped: no /proc on this platform)';

/** A PostgreSQL of a suite's own, to be killed and paused; the run's serves all other suites. */
export class OwnDatabase {
  readonly #folder = newFolder();
  #left: Promise<void> | undefined;

  private constructor(
    private readonly port: number,
    private server: EmbeddedDatabase | undefined,
  ) {}

  /** @param documents what the catalogue holds; by default nothing */
  static async start(documents?: object): Promise<OwnDatabase> {
    const database = new OwnDatabase(await freePort(), undefined);
    await database.restart();
    const env = { DATABASE_URL: database.url };
    await glimpse(['migrate'], env);
    if (!documents) return database;
    const { code, stderr } = await glimpse(['import', '-'], env, { input: JSON.stringify(documents) });
    if (code !== 0) throw new Error(`the import failed: ${stderr}`);
    return database;
  }

  get url(): string {
    return this.server!.url;
  }

  /** Starts it on its port again. */
  async restart(): Promise<void> {
    await this.#left;
    this.server = await openEmbedded({
      folder: this.#folder,
      service: false,
      settings: ['fsync=off', 'max_connections=200', `port=${this.port}`],
    });
  }

  async query(text: string): Promise<Record<string, unknown>[]> {
    const client = new pg.Client({ connectionString: this.url });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(text)).rows;
    } finally {
      await client.end();
    }
  }

  /** Kills, pauses or resumes all processes of the server. */
  signal(name: 'SIGKILL' | 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of processesOf(this.server!.pid)) {
      try {
        process.kill(pid, name);
      } catch {
        // It has ended.
      }
    }
    // While it is in use it would be started again at once.
    if (name === 'SIGKILL') this.#left = this.server!.leave().catch(() => undefined);
  }

  stop(): Promise<void> {
    return this.server?.leave() ?? Promise.resolve();
  }
}

/** The processes of a server, the parent first: each child has its own process group. */
function processesOf(server: number): number[] {
  const children = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => {
      try {
        const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
        return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === server;
      } catch {
        return false;
      }
    });
  return [server, ...children.map(Number)];
}
