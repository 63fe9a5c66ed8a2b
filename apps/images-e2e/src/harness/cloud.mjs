import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const OPENSTACK = fileURLToPath(new URL('../../../../tools/openstack.mjs', import.meta.url));
/** The exit code of the command where a package is missing. */
const NOT_INSTALLED = 69;
/** How long the tokens last that are made to end, in seconds. */
const SHORT_LIVED = 3;

/**
 * Starts the OpenStack of this run and passes its description to the suites. Where its packages are not installed,
 * the suites report that they are skipped.
 *
 * @param options `glance` and `nova`: whether these are there besides Keystone. The Glance of a Nova is `image` of the
 *   description, where a suite starts the service; without a Nova that is the Glance
 */
export async function startCloud({ glance = false, nova = false } = {}) {
  const [compute, image] = [await freeAddress(), await freeAddress()];
  const catalogHasGlance = glance && !nova;
  const args = [
    '--json',
    `--short-lived=${SHORT_LIVED}`,
    `--compute-url=${compute}/v2.1`,
    ...(glance ? ['--glance'] : []),
    ...(nova ? ['--nova'] : []),
    ...(catalogHasGlance ? [] : [`--image-url=${image}`]),
  ];
  const command = spawn(process.execPath, [OPENSTACK, ...args], {
    // It ends with its standard input, which is closed when this process ends in whatever way.
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const [line] = await Promise.race([once(createInterface(command.stdout), 'line'), once(command, 'exit')]);
  if (line === NOT_INSTALLED) return;
  if (typeof line !== 'string') throw new Error(`no OpenStack: exit code ${line}`);
  command.unref();
  command.stdin.unref();
  command.stdout.destroy();
  const cloud = JSON.parse(line);
  process.env['GLIMPSE_E2E_CLOUD'] = JSON.stringify({
    ...cloud,
    shortLived: SHORT_LIVED,
    compute,
    image: catalogHasGlance ? cloud.glanceUrl : image,
  });
}

/** An address that is free now and later, when a suite uses it: Linux itself assigns ports from 32768 on. */
async function freeAddress() {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const listens = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (listens) return `http://127.0.0.1:${port}`;
  }
}
