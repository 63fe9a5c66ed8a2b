/** OpenStack's services of Debian's packages, as contestants, as sources of mirrors and as stores. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createImage } from './images.mjs';
import { peak } from './load.mjs';
import { pinned, startServer } from './processes.mjs';
import { compareInTurns } from './rounds.mjs';

/** The exit code of the commands where a package is missing. */
const NOT_INSTALLED = 69;

/** Images that a Glance and its mirror have. */
const IMAGES = 100;
const SYNC_DEADLINE_S = 120;

const WARM_UP_S = 3;
/** Seconds of a turn, and how many each has in a round: OpenStack's services serve a dozen requests a second. */
const TURN_S = 3;
const TURNS = 3;
const MAX_ROUNDS = 2;
/** As many as make the one process of a service busy: with more its requests only wait. */
const CONNECTIONS = 16;

/** Starts a Keystone, a Glance and more on the server's core. @returns undefined where a package is missing */
export const startOpenStack = (...more) => startTool(pinned, 'openstack.mjs', '--glance', ...more);

/** Starts a Keystone and a Glance beside the server's core. @returns undefined where a package is missing */
export const startGlance = () => startTool((command) => command, 'openstack.mjs', '--glance');

/** Starts a Swift with a bucket, beside the server's core. @returns undefined where a package is missing */
export const startSwift = () => startTool((command) => command, 'swift.mjs');

async function startTool(placed, tool, ...options) {
  const path = fileURLToPath(new URL(`../${tool}`, import.meta.url));
  const [program, ...args] = placed([process.execPath, path, '--json', ...options]);
  const run = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(run, 'exit');
  const [line] = await Promise.race([once(createInterface(run.stdout), 'line'), ended]);
  if (line === NOT_INSTALLED) return undefined;
  if (typeof line !== 'string') throw new Error(`${tool} does not start: exit code ${line}`);
  return {
    ...JSON.parse(line),
    async stop() {
      run.stdin.end();
      await ended;
    },
  };
}

/** A token of one of its people, in their own project. */
export async function tokenOf({ authUrl, people }, who) {
  const { userId, projectId, env } = people[who];
  const identity = { methods: ['password'], password: { user: { id: userId, password: env.OS_PASSWORD } } };
  const answer = await fetch(`${authUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { id: projectId } } } }),
  });
  if (answer.status !== 201) throw new Error(`no token for ${who}: ${answer.status}`);
  return answer.headers.get('x-subject-token');
}

/** Creates images in the Glance of a cloud. @returns their ids */
export async function createImages({ glanceUrl }, token) {
  const ids = [];
  for (let n = 0; n < IMAGES; n++) {
    const attributes = {
      ...{ name: `image ${n}`, visibility: 'shared', disk_format: 'qcow2', tags: ['a', 'b'] },
      ...{ os_distro: 'debian', os_version: '12', architecture: 'x86_64' },
    };
    ids.push(await createImage(glanceUrl, token, attributes));
  }
  return ids;
}

/**
 * Starts a follower of the Glance of a cloud.
 *
 * @returns `start`, which starts a service that serves the mirror by the API of a path; and `stop`
 */
export async function openMirror(stage, { glanceUrl, people }, token, images = IMAGES) {
  const url = await stage.database(`mirror_${Math.random().toString(36).slice(2)}`);
  const settings = {
    ...{ GLIMPSE_SOURCE: 'glance', GLIMPSE_GLANCE_URL: glanceUrl, GLIMPSE_POLICY_DEFAULTS: 'legacy' },
    ...people.glimpse.env,
  };
  const follower = await startServer(
    [...stage.command(), 'follow'],
    { ...stage.settings(url), ...settings },
    /"event":"(follower-began)"/,
  );
  return {
    async start(api, more = {}) {
      const server = await stage.startGlimpse(url, { ...settings, ...API_SETTINGS[api], ...more });
      await untilListed(server, api, token, images);
      return server;
    },
    stop: () => follower.stop(),
  };
}

/** The settings with which the service serves an API alone. */
const API_SETTINGS = {
  '/v2': { GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '0' },
  '/v2.1': {},
};

async function untilListed({ url }, api, token, count) {
  for (let second = 0; second < SYNC_DEADLINE_S; second++) {
    const answer = await fetch(`${url}${api}/images?limit=1000`, { headers: { 'x-auth-token': token } });
    if (answer.ok && (await answer.json()).images.length === count) return;
    await sleep(1_000);
  }
  throw new Error(`the first full sync of ${count} images did not end within ${SYNC_DEADLINE_S} s`);
}

/** A service that runs already, as one that is started. */
export const running = (url) => async () => ({ url, cpu: () => NaN, stop: async () => undefined });

/**
 * Requests a second of each server, measured in turns.
 *
 * @param {Record<string, () => Promise<object>>} starts by name
 * @param {Record<string, string[]>} requests by name, as those of `peak`
 */
export function compareRates(stage, starts, requests, { token, rounds }) {
  const load = (server, list, seconds) =>
    peak(server, { folder: stage.folder, requests: list, token, seconds, connections: CONNECTIONS });
  const contestant = (start) => ({
    start,
    async warmUp(server) {
      for (const list of Object.values(requests)) await load(server, list, WARM_UP_S);
    },
    async measure(server) {
      const rates = {};
      for (const [what, list] of Object.entries(requests)) {
        ({ rate: rates[what] } = await load(server, list, TURN_S));
      }
      return rates;
    },
  });
  const contestants = Object.entries(starts).map(([name, start]) => [name, contestant(start)]);
  return compareInTurns(Object.fromEntries(contestants), Math.min(rounds, MAX_ROUNDS), TURNS);
}
