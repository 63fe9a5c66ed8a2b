import { expect } from '@jest/globals';
import { Balancer, freePort } from './balancer.js';
import { startService, type Service } from './service.js';

/** Another release than this one. */
export interface Release {
  /** Its `glimpse` command. */
  readonly command: string;
  /** Settings of the suites that it does not know, and so refuses. */
  readonly unknown?: readonly string[];
}

/** Replicas behind a balancer, which are replaced one after the other. */
export class Replicas {
  #running: { port: number; service: Service }[] = [];

  private constructor(
    private readonly database: string,
    private readonly ports: readonly number[],
    readonly balancer: Balancer,
  ) {}

  static async start(database: string, count: number, release?: Release): Promise<Replicas> {
    const ports = await Promise.all(Array.from({ length: count + 1 }, freePort));
    const first = [];
    for (const port of ports.slice(0, count)) {
      first.push({ port, service: await startReplica(database, port, release) });
    }
    const replicas = new Replicas(database, ports, await Balancer.before(ports));
    replicas.#running = first;
    return replicas;
  }

  get services(): readonly Service[] {
    return this.#running.map(({ service }) => service);
  }

  /** Adds a replica before it stops one, as a Deployment does with `maxSurge: 1` and `maxUnavailable: 0`. */
  async roll(release?: Release): Promise<void> {
    for (const { service } of [...this.#running]) {
      const port = this.ports.find((free) => this.#running.every((one) => one.port !== free))!;
      this.#running.push({ port, service: await startReplica(this.database, port, release) });
      this.#running.shift();
      expect(await service.stop('SIGTERM')).toBe(0);
    }
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    for (const { service } of this.#running) await service.stop('SIGKILL');
  }
}

function startReplica(database: string, port: number, release?: Release): Promise<Service> {
  const unset = Object.fromEntries((release?.unknown ?? []).map((name) => [name, undefined]));
  return startService(
    database,
    { GLIMPSE_PORT: String(port), GLIMPSE_SHUTDOWN_DELAY: '3', GLIMPSE_DATABASE_POOL: '5', ...unset },
    release && { command: [process.execPath, release.command] },
  );
}
