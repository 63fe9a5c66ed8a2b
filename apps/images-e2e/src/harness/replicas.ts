import { expect } from '@jest/globals';
import { Balancer, freePort } from './balancer.js';
import { startService, type Service } from './service.js';

/** Replicas behind a balancer, which are replaced one after the other. */
export class Replicas {
  #running: { port: number; service: Service }[] = [];

  private constructor(
    private readonly database: string,
    private readonly ports: readonly number[],
    readonly balancer: Balancer,
  ) {}

  /** @param command the `glimpse` that they run; by default this one's */
  static async start(database: string, count: number, command?: string): Promise<Replicas> {
    const ports = await Promise.all(Array.from({ length: count + 1 }, freePort));
    const first = [];
    for (const port of ports.slice(0, count)) {
      first.push({ port, service: await startReplica(database, port, command) });
    }
    const replicas = new Replicas(database, ports, await Balancer.before(ports));
    replicas.#running = first;
    return replicas;
  }

  get services(): readonly Service[] {
    return this.#running.map(({ service }) => service);
  }

  /** Adds a replica before it stops one, as a Deployment does with `maxSurge: 1` and `maxUnavailable: 0`. */
  async roll(command?: string): Promise<void> {
    for (const { service } of [...this.#running]) {
      const port = this.ports.find((free) => this.#running.every((one) => one.port !== free))!;
      this.#running.push({ port, service: await startReplica(this.database, port, command) });
      this.#running.shift();
      expect(await service.stop('SIGTERM')).toBe(0);
    }
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    for (const { service } of this.#running) await service.stop('SIGKILL');
  }
}

function startReplica(database: string, port: number, command?: string): Promise<Service> {
  return startService(
    database,
    { GLIMPSE_PORT: String(port), GLIMPSE_SHUTDOWN_DELAY: '3', GLIMPSE_DATABASE_POOL: '5' },
    command === undefined ? {} : { command: [process.execPath, command] },
  );
}
