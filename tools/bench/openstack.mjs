/** OpenStack's services of Debian's packages, as contestants and as stores. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pinned } from './processes.mjs';

/** The exit code of the commands where a package is missing. */
const NOT_INSTALLED = 69;

/** Starts a Keystone and a Glance on the server's core. @returns undefined where a package is missing */
export const startOpenStack = () => startTool(pinned, 'openstack.mjs', '--glance');

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
