import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createCatalogue, settingsOf } from '../harness/catalogue.js';
import { COMMAND } from '../harness/command.js';
import { MemoryCgroup } from '../harness/memory-cgroup.js';
import { startService, type Service } from '../harness/service.js';

const MIB = 2 ** 20;
/** The memory limit of a pod, and the part of it that V8 leaves to buffers, connections and code. */
const POD_BYTES = 512 * MIB;
const HEAP_MIB = 256;

/** How many clients request a page of 4 MiB and do not read it. */
const CLIENTS = 400;
const LARGE = 'a'.repeat(32);
const SMALL = 'b'.repeat(32);
const SMALL_IMAGE = '00000000-0000-4000-8000-000000000000';

/** Images of a project, of which 123 with 128 properties make a page of 4 MiB. */
const imagesOf = (owner: string, count: number, properties: number, first: number): object[] =>
  Array.from({ length: count }, (_, n) => ({
    id: `00000000-0000-4000-8000-${String(first + n).padStart(12, '0')}`,
    name: `image ${n}`,
    status: 'active',
    visibility: 'private',
    owner,
    created_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
    updated_at: new Date(Date.UTC(2026, 0, 1, 0, n)).toISOString(),
    ...Object.fromEntries(Array.from({ length: properties }, (_, key) => [`key ${key}`, 'x'.repeat(255)])),
  }));

const cgroup = MemoryCgroup.make(POD_BYTES);
let service: Service;

beforeAll(async () => {
  const database = await createCatalogue({
    images: [...imagesOf(SMALL, 3, 1, 0), ...imagesOf(LARGE, 150, 128, 1_000)],
  });
  service = await startService(
    database,
    {
      ...settingsOf({
        large: { project_id: LARGE, roles: ['member'] },
        small: { project_id: SMALL, roles: ['member'] },
      }),
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
      GLIMPSE_IMAGE_PORT: '0',
    },
    cgroup && { command: cgroup.command(process.execPath, COMMAND) },
  );
}, 60_000);
afterAll(async () => {
  await service?.stop();
  cgroup?.remove();
});

/** The most memory that the process ever had. */
function peakBytes(): number {
  const status = readFileSync(`/proc/${service.pid}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024;
}

/** Sends a request and reads the head of its response only. A connection that is closed before it is opened anew. */
async function unread(url: string, target: string): Promise<{ socket: Socket; head: string }> {
  const { hostname, port } = new URL(url);
  for (;;) {
    const socket = connect({ host: hostname, port: Number(port) });
    const first = new Promise<string>((resolve) => {
      socket.once('readable', () => resolve(String(socket.read() ?? '')));
      socket.once('error', () => resolve(''));
    });
    socket.write(`GET ${target} HTTP/1.1\r\nhost: a\r\nx-auth-token: large\r\n\r\n`);
    const [head] = (await first).split('\r\n\r\n', 1);
    if (head) return { socket, head };
    // Fails once the process has ended.
    process.kill(service.pid, 0);
  }
}

/** The requests of a client that reads what it requests, until each has succeeded as often. */
async function readBeside(isOver: () => boolean): Promise<void> {
  const targets = [
    `${service.url}/v2.1/images/${SMALL_IMAGE}`,
    `${service.url}/v2.1/images/detail?limit=2`,
    `${service.imageUrl}/v2/images/${SMALL_IMAGE}`,
    `${service.imageUrl}/v2/images?limit=2`,
  ];
  for (let rounds = 0; rounds < 5 || !isOver(); rounds++) {
    for (const probe of ['/livez', '/readyz']) expect((await fetch(service.url + probe)).status).toBe(200);
    for (const target of targets) {
      for (let status = 0; status !== 200;) {
        const response = await fetch(target, { headers: { 'x-auth-token': 'small' } });
        await response.arrayBuffer();
        // On a busy machine a list may wait too long for its query, and what is cached may be stale.
        ({ status } = response);
        expect([200, 203, 503]).toContain(status);
      }
    }
  }
}

it.each([
  ['the same page', () => 1000],
  ['pages of their own', (client: number) => 200 + client],
])(
  'remains within the memory of a pod while 400 clients of both APIs request %s of 4 MiB and read nothing',
  async (_, limitOf) => {
    let isOver = false;
    const clients = Array.from({ length: CLIENTS }, (_, client) =>
      client % 2
        ? unread(service.url, `/v2.1/images/detail?limit=${limitOf(client)}`)
        : unread(service.imageUrl, `/v2/images?limit=${limitOf(client)}`),
    );
    const attack = Promise.all(clients).finally(() => (isOver = true));
    await Promise.all([attack, readBeside(() => isOver)]);
    const responses = await attack;
    for (const { socket } of responses) socket.destroy();
    expect(responses.some(({ head }) => head.startsWith('HTTP/1.1 200 '))).toBe(true);
    for (const { head } of responses) {
      expect(head).toMatch(/^HTTP\/1\.1 (?:200 |503 [^]*\r\nretry-after: \d)/i);
    }
    expect(peakBytes()).toBeLessThan(POD_BYTES);
  },
  120_000,
);
