import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { newFolder } from '../harness/service.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const SOURCE = fileURLToPath(new URL('../harness/image-source.mjs', import.meta.url));

/** The reason why these tests cannot run here; empty where they can. */
const CANNOT_FIND = process.platform === 'linux' ? '' : ' (skipped: no /proc on this platform)';
const test = CANNOT_FIND ? it.skip : it;

/** A running `npm start`. */
interface Started {
  readonly npm: ChildProcess;
  readonly folder: string;
  readonly log: () => string;
}

let keystone: FakeKeystone;
beforeAll(async () => {
  keystone = await FakeKeystone.start();
  keystone.addUser({ name: 'glimpse', password: 'secret', roles: ['service', 'admin'] });
});
afterAll(() => keystone.close());

const children: ChildProcess[] = [];
afterEach(() => {
  for (const { pid } of children.splice(0)) {
    try {
      process.kill(-pid!, 'SIGKILL');
    } catch {
      // All of it has ended.
    }
  }
});

/** Runs what `npm start` runs once everything is built, on a folder of its own and with a follower. */
async function npmStart(): Promise<Started> {
  const folder = newFolder();
  const start = `exec node ${join(ROOT, 'tools/run.mjs')}`;
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ scripts: { start } }));
  writeFileSync(join(folder, 'glimpse.yaml'), `source: { use: ${SOURCE} }\n`);
  const { PATH, HOME } = process.env;
  const npm = spawn('npm', ['start'], {
    cwd: folder,
    detached: true,
    env: {
      PATH,
      HOME,
      GLIMPSE_CONFIG: 'glimpse.yaml',
      GLIMPSE_PORT: '0',
      GLIMPSE_DATA_DIR: folder,
      OS_AUTH_URL: keystone.url,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: 'secret',
      OS_PROJECT_NAME: 'service',
    },
  });
  children.push(npm);
  let log = '';
  npm.stdout.resume();
  npm.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await until(
    () => log.includes('"event":"follower-began"') && log.includes('"event":"schema-seen"'),
    60_000,
  );
  return { npm, folder, log: () => log };
}

/** The processes that have a folder in their environment or on their command line. */
function processesOf(folder: string): { pid: number; command: string }[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
      return command.includes(folder) || environment.includes(folder) ? [{ pid: Number(pid), command }] : [];
    } catch {
      return [];
    }
  });
}

const PARTS = {
  npm: /^npm start/,
  service: /tools\/run\.mjs/,
  follower: /tools\/follow\.mjs/,
};

describe('what npm start started', () => {
  test.each([
    ['npm', 'SIGTERM'],
    ['npm', 'SIGHUP'],
    ['npm', 'SIGKILL'],
    ['service', 'SIGTERM'],
    ['service', 'SIGHUP'],
    ['follower', 'SIGTERM'],
    ['follower', 'SIGHUP'],
  ] as const)(
    `ends all of it, in order, when %s gets %s${CANNOT_FIND}`,
    async (part, signal) => {
      const { folder, log } = await npmStart();
      const target = processesOf(folder).find(({ command }) => PARTS[part].test(command))!;
      process.kill(target.pid, signal);
      await until(() => processesOf(folder).length === 0, 30_000);
      expect(existsSync(join(folder, 'postgres/cluster/postmaster.pid'))).toBe(false);
      // Of the service and of the follower.
      expect(log().match(/"event":"stopped"/g)).toHaveLength(2);
    },
    90_000,
  );

  test(`ends all of it on Ctrl-C, which reaches every process of a terminal${CANNOT_FIND}`, async () => {
    const { npm, folder, log } = await npmStart();
    const ended = once(npm, 'exit');
    process.kill(-npm.pid!, 'SIGINT');
    await ended;
    await until(() => processesOf(folder).length === 0, 30_000);
    expect(existsSync(join(folder, 'postgres/cluster/postmaster.pid'))).toBe(false);
    expect(log().match(/"event":"stopped"/g)).toHaveLength(2);
  }, 90_000);
});
