import { expect } from '@jest/globals';
import { Balancer, freePort } from './balancer.js';
import type { Settings } from './command.js';
import { startService, type Service } from './service.js';

/** Another release than this one. */
export interface Release {
  /** Its `glimpse` command. */
  readonly command: string;
  /** Settings of the suites that it does not know, and so refuses. */
  readonly unknown?: readonly string[];
}

export interface ReplicaOptions {
  readonly release?: Release | undefined;
  /** The settings of a replica that serves on a port; by default the Compute API. */
  readonly settingsOf?: (port: string) => Settings;
}

/** Replicas behind a balancer, which are replaced one after the other. */
export class Replicas {
  #running: { port: number; service: Service }[] = [];

  private constructor(
    private readonly database: string,
    private readonly ports: readonly number[],
    private readonly options: ReplicaOptions,
    readonly balancer: Balancer,
  ) {}

  static async start(database: string, count: number, options: ReplicaOptions = {}): Promise<Replicas> {
    const ports = await Promise.all(Array.from({ length: count + 1 }, freePort));
    const first = [];
    for (const port of ports.slice(0, count)) {
      first.push({ port, service: await startReplica(database, port, options) });
    }
    const replicas = new Replicas(database, ports, options, await Balancer.before(ports));
    replicas.#running = first;
    return replicas;
  }

  get services(): readonly Service[] {
    return this.#running.map(({ service }) => service);
  }

  /** Adds a replica before it stops one, as a Deployment does with `maxSurge: 1` and `maxUnavailable: 0`. */
  async roll(release?: Release): Promise<void> {
    for (const { service: replaced } of [...this.#running]) {
      const port = this.ports.find((free) => this.#running.every((one) => one.port !== free))!;
      const service = await startReplica(this.database, port, { ...this.options, release });
      this.#running.push({ port, service });
      this.#running.shift();
      expect(await replaced.stop('SIGTERM')).toBe(0);
    }
  }

  async stop(): Promise<void> {
    await this.balancer.stop();
    for (const { service } of this.#running) await service.stop('SIGKILL');
  }
}

function startReplica(
  database: string,
  port: number,
  { release, settingsOf = (own) => ({ GLIMPSE_PORT: own }) }: ReplicaOptions,
): Promise<Service> {
  const unset = Object.fromEntries((release?.unknown ?? []).map((name) => [name, undefined]));
  return startService(
    database,
    { GLIMPSE_SHUTDOWN_DELAY: '3', GLIMPSE_DATABASE_POOL: '5', ...settingsOf(String(port)), ...unset },
    release && { command: [process.execPath, release.command] },
  );
}
