import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { freePort } from '../harness/balancer.js';
import { COMMAND } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const started: Service[] = [];
const children: ChildProcess[] = [];
afterEach(async () => {
  for (const service of started.splice(0)) await service.stop('SIGKILL');
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** Starts a service that logs every request to a standard error that is given. */
async function startLoggingTo(stderr: 'pipe' | number): Promise<{ url: string; child: ChildProcess }> {
  const port = await freePort();
  const env = {
    PATH: process.env['PATH'],
    DATABASE_URL: databaseUrl(await createDatabase('contract')),
    GLIMPSE_DATA_DIR: newFolder(),
    GLIMPSE_PORT: String(port),
    GLIMPSE_IMAGE_PORT: 'off',
    GLIMPSE_LOG_REQUESTS: 'true',
  };
  const child = spawn(process.execPath, [COMMAND, 'serve'], { env, stdio: ['ignore', 'ignore', stderr] });
  children.push(child);
  const url = `http://127.0.0.1:${port}`;
  const ready = (): Promise<boolean> =>
    fetch(`${url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  await until(async () => child.exitCode !== null || (await ready()), 60_000);
  expect(child.exitCode).toBeNull();
  return { url, child };
}

/** The lines that a service lost, by its metrics. */
async function lost(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^glimpse_log_lines_lost_total (\d+)$/m.exec(text)![1]);
}

/** Requests whose lines have a kilobyte each. */
async function request(url: string, times: number): Promise<void> {
  const path = `/v2.1/${'x'.repeat(1_000)}`;
  for (let sent = 0; sent < times; sent += 50) {
    await Promise.all(Array.from({ length: 50 }, async () => (await fetch(url + path)).arrayBuffer()));
  }
}

async function expectEnd(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}

describe('a log', () => {
  it('that nothing reads loses lines and counts them, and the service responds and stops', async () => {
    const { url, child } = await startLoggingTo('pipe');
    await request(url, 1_500);
    expect(await lost(url)).toBeGreaterThan(0);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expectEnd(child);
  }, 60_000);

  it('whose reader has ended loses lines and counts them, and the service responds and stops', async () => {
    const { url, child } = await startLoggingTo('pipe');
    child.stderr!.destroy();
    await request(url, 50);
    await until(async () => (await lost(url)) >= 50);
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    await expectEnd(child);
  }, 60_000);

  const full = process.platform === 'linux' ? it : it.skip;
  full(
    'on a full disk loses lines and counts them, and the service starts, responds and stops',
    async () => {
      const { url, child } = await startLoggingTo(openSync('/dev/full', 'w'));
      await request(url, 50);
      expect(await lost(url)).toBeGreaterThanOrEqual(50);
      expect((await fetch(`${url}/livez`)).status).toBe(200);
      await expectEnd(child);
    },
    60_000,
  );

  it('has a bounded number of lines about refused requests, and reports how many it omitted', async () => {
    const service = await startService(await createDatabase('contract'));
    started.push(service);
    const before = performance.now();
    await request(service.url, 1_000);
    const seconds = (performance.now() - before) / 1_000;
    const lines = (): string[] => service.log().match(/^.*"event":"request-served".*"status":4.*$/gm) ?? [];
    expect(lines().length).toBeLessThanOrEqual(100 * Math.ceil(seconds + 1));
    expect(lines().length).toBeLessThan(1_000);
    await sleep(1_000);
    const headers = { 'x-auth-token': tokenOf('demo') };
    expect((await fetch(`${service.url}/v2.1/images/none`, { headers })).status).toBe(404);
    await until(() => service.log().includes('/v2.1/images/none'));
    const omitted = [...service.log().matchAll(/"event":"request-lines-omitted","count":(\d+)/g)];
    const counted = omitted.reduce((sum, [, count]) => sum + Number(count), 0);
    expect(lines().length + counted).toBe(1_001);
  }, 60_000);
});
