import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import startDatabase from '../../harness/global-setup.mjs';

const OPENSTACK = fileURLToPath(new URL('../../../../../tools/openstack.mjs', import.meta.url));
/** What the command answers with where there is no Keystone. */
const NOT_INSTALLED = 69;
/** How long the tokens last that are made to end, in seconds. */
const SHORT_LIVED = 3;

/** Starts the run's PostgreSQL and its Keystone; without one, every suite says that it is skipped. */
export default async function setUp() {
  await Promise.all([startDatabase(), startKeystone()]);
}

async function startKeystone() {
  const [compute, image] = [await freeAddress(), await freeAddress()];
  const args = [
    '--json',
    `--short-lived=${SHORT_LIVED}`,
    `--compute-url=${compute}/v2.1`,
    `--image-url=${image}`,
  ];
  const command = spawn(process.execPath, [OPENSTACK, ...args], {
    // It ends when its standard input does, and that is when this process does, however it ends.
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const [line] = await Promise.race([
    once(createInterface(command.stdout), 'line'),
    once(command, 'exit').then(([code]) => {
      if (code === NOT_INSTALLED) return [undefined];
      throw new Error(`no Keystone: exit code ${code}`);
    }),
  ]);
  if (line === undefined) return;
  command.unref();
  command.stdin.unref();
  command.stdout.destroy();
  process.env['GLIMPSE_E2E_CLOUD'] = JSON.stringify({
    ...JSON.parse(line),
    shortLived: SHORT_LIVED,
    compute,
    image,
  });
}

/** Where nobody listens now. */
async function freeAddress() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${port}`;
}
