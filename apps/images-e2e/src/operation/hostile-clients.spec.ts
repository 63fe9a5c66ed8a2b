import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { Agent, request, type IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { COMMAND } from '../harness/command.js';
import { createDatabase } from '../harness/databases.js';
import { amount } from '../harness/long.js';
import { MemoryCgroup } from '../harness/memory-cgroup.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const HOSTILE_CLIENT = fileURLToPath(new URL('../harness/hostile-client.mjs', import.meta.url));
const ATTACKS = JSON.parse(
  execFileSync(process.execPath, [HOSTILE_CLIENT], { encoding: 'utf8' }),
) as string[];

const MIB = 2 ** 20;
/** The memory limit of a pod, and the part of it that V8 leaves to buffers, connections and code. */
const POD_BYTES = 512 * MIB;
const HEAP_MIB = 256;

/** The kernel kills a service that needs more, as it does a pod's. */
const cgroup = MemoryCgroup.make(POD_BYTES);
const bounded = cgroup ? '' : ' (without a limit of the kernel: no cgroup can be made)';

/** The number of rounds of the well-behaved client, without an attack and during each. */
const IDLE_ROUNDS = 100;
const ROUNDS = amount(15, 300);

/** Other load on the machine slows some series of rounds, up to queue timeouts; an attack slows each of them. */
const SERIES = 10;

/** What the well-behaved client sends: an image, a list, a change, the image at the Image API, and the probes. */
const ITEM = '/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b';
const OWN = '/v2.1/images/22222222-0000-4000-8000-000000000001/metadata/k1';
const REQUESTS: readonly (readonly [method: string, target: string, body?: string])[] = [
  ['GET', ITEM],
  ['GET', '/v2.1/images?limit=5'],
  ['PUT', OWN, '{"meta": {"k1": "v1"}}'],
  ['GET', '/v2/images/70a599e0-31e7-49b7-b260-868f441e862b'],
  ['GET', '/livez'],
  ['GET', '/readyz'],
];

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

let service: Service;
let idle: number[];
let restingBytes: number;

/** Sends one request; returns the status and the milliseconds until it came. */
async function send([method, target, body]: (typeof REQUESTS)[number]): Promise<
  [status: number, ms: number]
> {
  for (let attempt = 1; ; attempt++) {
    const from = performance.now();
    const sent = request(new URL(target, target.startsWith('/v2/') ? service.imageUrl : service.url), {
      agent,
      method,
      headers: { 'x-auth-token': tokenOf('demo'), ...(body && { 'content-type': 'application/json' }) },
    }).end(body);
    try {
      const [response] = (await once(sent, 'response')) as [IncomingMessage];
      response.resume();
      await once(response, 'end');
      return [response.statusCode!, performance.now() - from];
    } catch (error) {
      // An idle connection may be closed at any time; HTTP clients retry then.
      if (attempt === 2 || !sent.reusedSocket) throw error;
    }
  }
}

async function rounds(count: number): Promise<[status: number, ms: number][]> {
  const responses: [number, number][] = [];
  for (let round = 0; round < count; round++) {
    for (const each of REQUESTS) responses.push(await send(each));
    await sleep(5);
  }
  return responses;
}

function memory(): { now: number; peak: number } {
  const status = readFileSync(`/proc/${service.pid}/status`, 'utf8');
  const read = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)![1]) * 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}

beforeAll(async () => {
  service = await startService(
    await createDatabase('contract'),
    {
      ...{ NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`, GLIMPSE_IMAGE_PORT: '0' },
      ...{ GLIMPSE_DATA_OPTIONS_PATH: newFolder(), GLIMPSE_DATA_OPTIONS_RESERVE: '0' },
    },
    cgroup && { command: cgroup.command(process.execPath, COMMAND) },
  );
  await rounds(20);
  idle = (await rounds(IDLE_ROUNDS)).map(([, ms]) => ms).sort((one, other) => one - other);
  restingBytes = memory().now;
  // From here on the peak is that of the attacks.
  writeFileSync(`/proc/${service.pid}/clear_refs`, '5');
}, 120_000);
afterAll(async () => {
  agent.destroy();
  await service?.stop();
  cgroup?.remove();
});

it.each(ATTACKS)(
  `beside %s a well-behaved client gets its responses, none ten times as late as usual${bounded}`,
  async (attack) => {
    const { url, imageUrl } = service;
    const args = [HOSTILE_CLIENT, attack, url, tokenOf('demo'), imageUrl, tokenOf('alt')];
    const attacker = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const attacking = once(attacker.stdout, 'data');
    const exited = once(attacker, 'exit');
    try {
      await attacking;
      const usual = idle[Math.floor(idle.length * 0.99)]!;
      let [statuses, ratio]: [number[], number] = [[], Infinity];
      for (let series = 1; series <= SERIES && (ratio >= 10 || statuses.length > 1); series++) {
        const responses = await rounds(ROUNDS);
        statuses = [...new Set(responses.map(([status]) => status))];
        ratio = Math.max(...responses.map(([, ms]) => ms)) / usual;
      }
      expect(statuses).toEqual([200]);
      expect(ratio).toBeLessThan(10);
      expect(memory().peak).toBeLessThan(POD_BYTES);
      // Otherwise there was no attack.
      expect(attacker.exitCode).toBeNull();
    } finally {
      attacker.kill('SIGKILL');
      await exited;
    }
  },
  90_000,
);

it('has freed the memory of the attacks, once they are over', async () => {
  await until(async () => {
    await rounds(1);
    return memory().now < restingBytes + 128 * MIB;
  }, 60_000);
}, 90_000);
