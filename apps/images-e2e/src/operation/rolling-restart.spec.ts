import { Agent, request } from 'node:http';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Balancer, freePort, hasNginx } from '../harness/balancer.js';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import { nextRelease } from '../harness/next-release.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const REPLICAS = 3;
const CLIENTS = 24;
const REQUESTS = amount(10_000, 50_000);
const IMAGE = '/v2.1/images/22222222-0000-4000-8000-000000000001';
const LIMIT = 10 * 60_000;

const suite = hasNginx ? describe : describe.skip;

/** Clients with persistent connections that send one request after the other, without retries. */
class Load {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  readonly #clients: Promise<void>[];
  /** The last acknowledged change of each client. */
  readonly written = new Map<string, string>();
  readonly failures: string[] = [];
  answered = 0;
  #over = false;

  constructor(private readonly url: string) {
    this.#clients = Array.from({ length: CLIENTS }, (_, client) => this.#run(client));
  }

  async #run(client: number): Promise<void> {
    for (let turn = 0; !this.#over; turn++) {
      if (turn % 20 === 7) await this.#send('GET', '/v2.1/images/detail?limit=3');
      else if (turn % 50 === 11) await this.#change(`client-${client}`, String(turn));
      else await this.#send('GET', IMAGE);
    }
  }

  async #change(key: string, value: string): Promise<void> {
    const body = JSON.stringify({ meta: { [key]: value } });
    if (await this.#send('PUT', `${IMAGE}/metadata/${key}`, body)) this.written.set(key, value);
  }

  #send(method: string, path: string, body?: string): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (failure?: string): void => {
        if (failure === undefined) this.answered++;
        else this.failures.push(`${method} ${path}: ${failure}`);
        resolve(failure === undefined);
      };
      const headers = {
        'x-auth-token': tokenOf('demo'),
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': body.length }),
      };
      const sent = request(this.url + path, { method, agent: this.#agent, headers }, (response) => {
        response.on('error', (error) => settle(`cut off, ${error.message}`));
        response.on('end', () =>
          settle(response.statusCode === 200 ? undefined : String(response.statusCode)),
        );
        response.resume();
      });
      sent.on('error', (error) => settle(error.message));
      sent.end(body);
    });
  }

  async end(): Promise<void> {
    this.#over = true;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }
}

suite(`a rolling restart under load${hasNginx ? '' : ' (skipped: nginx is not installed)'}`, () => {
  const running: { port: number; service: Service }[] = [];
  let ports: number[];
  let database: string;
  let balancer: Balancer;
  let next: string;

  beforeAll(async () => {
    next = nextRelease('0.2.0', 'ALTER TABLE images ADD COLUMN of_the_next_release text;');
    database = await createDatabase('contract');
    ports = await Promise.all(Array.from({ length: REPLICAS + 1 }, freePort));
    for (const port of ports.slice(0, REPLICAS)) running.push({ port, service: await start(port) });
    balancer = await Balancer.before(ports);
  }, LIMIT);
  afterAll(async () => {
    await balancer.stop();
    for (const { service } of running) await service.stop('SIGKILL');
  });

  const start = (port: number, command?: string): Promise<Service> =>
    startService(
      database,
      { GLIMPSE_PORT: String(port), GLIMPSE_SHUTDOWN_DELAY: '3', GLIMPSE_DATABASE_POOL: '5' },
      command === undefined ? {} : { command: [process.execPath, command] },
    );

  /** Adds a replica before it stops one, as a Deployment does with `maxSurge: 1` and `maxUnavailable: 0`. */
  async function roll(command?: string): Promise<void> {
    for (let replica = 0; replica < REPLICAS; replica++) {
      const port = ports.find((free) => running.every((one) => one.port !== free))!;
      running.push({ port, service: await start(port, command) });
      const { service } = running.shift()!;
      expect(await service.stop('SIGTERM')).toBe(0);
    }
  }

  async function versions(): Promise<string[]> {
    const pages = running.map(async ({ service }) => (await fetch(`${service.url}/metrics`)).text());
    return (await Promise.all(pages)).map((page) => /glimpse_build_info\{version="([^"]+)"/.exec(page)![1]!);
  }

  it(
    'to the next release, its migration included, and back again loses no request',
    async () => {
      const load = new Load(balancer.url);
      const migrated = await glimpse(
        ['migrate'],
        { DATABASE_URL: databaseUrl(database) },
        { command: [process.execPath, next] },
      );
      expect(migrated).toMatchObject({ code: 0, stdout: 'applied 99990101000000_next_release\n' });
      await roll(next);
      expect(await versions()).toEqual(['0.2.0', '0.2.0', '0.2.0']);
      await roll();
      expect(await versions()).toEqual(['0.1.0', '0.1.0', '0.1.0']);
      await until(() => load.answered + load.failures.length >= REQUESTS, LIMIT);
      await load.end();

      expect(load.failures).toEqual([]);
      expect(load.answered).toBeGreaterThanOrEqual(REQUESTS);
      expect(load.written.size).toBe(CLIENTS);
      const [row] = await query(database, `SELECT properties FROM images WHERE id = '${IMAGE.slice(-36)}'`);
      expect(row!['properties']).toMatchObject(Object.fromEntries(load.written));
    },
    LIMIT,
  );
});
