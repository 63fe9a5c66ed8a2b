import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * The user that runs the processes: for root the unprivileged user 65534, who cannot read the machine's own OpenStack
 * settings, otherwise the present user.
 */
export const RUNNER = process.getuid() === 0 ? { uid: 65534, gid: 65534 } : {};

export function giveToRunner(path) {
  if (RUNNER.uid !== undefined) chownSync(path, RUNNER.uid, RUNNER.gid);
}

/** Everything that runs, so that it can be ended. */
const running = new Set();

/** Starts a program in a group of its own: Ctrl-C at a terminal reaches this process alone. */
export function start(folder, log, [command, ...args], env) {
  const output = openSync(log, 'a');
  // Should this process be killed, the kernel ends the child.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], {
    cwd: folder,
    env: { PATH: '/usr/bin:/bin', HOME: folder, LC_ALL: 'C.UTF-8', ...env },
    stdio: ['ignore', output, output],
    detached: true,
    ...RUNNER,
  });
  closeSync(output);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** Runs a program to its end. */
export async function run(folder, log, command, env) {
  const [code] = await once(start(folder, log, command, env), 'exit');
  if (code !== 0) throw new Error(`${command[0]} failed: exit code ${code}\n${tail(log)}`);
}

/**
 * Starts a server, and waits until it responds at a URL. Should it end later, so does everything; or, with
 * `pidFile`, which names the process, it is restarted.
 */
export async function serve(folder, log, command, env, url, { pidFile } = {}) {
  const child = start(folder, log, command, env);
  if (pidFile) writeFileSync(pidFile, String(child.pid));
  const again = () => serve(folder, log, command, env, url, { pidFile });
  // It may end at any time, also before it is awaited.
  const end = once(child, 'exit');
  for (const deadline = Date.now() + 60_000; Date.now() < deadline;) {
    if (child.exitCode !== null || child.signalCode !== null) break;
    const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) }).catch(() => null);
    // A Glance names its versions as 300.
    if (answer && answer.status < 400) {
      end
        .then(() => (pidFile ? again() : Promise.reject(new Error(`${command[0]} has ended\n${tail(log)}`))))
        .catch(endAll);
      return;
    }
    await sleep(50);
  }
  if (pidFile && child.signalCode !== null) return again();
  throw new Error(`${command[0]} does not answer at ${url}\n${tail(log)}`);
}

function endAll(error) {
  console.error(error.message);
  process.exit(1);
}

/** Ends everything at once: nothing here needs a graceful end. */
export function stopAll() {
  for (const { pid } of running) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has just ended by itself.
    }
  }
}

function tail(log) {
  return readFileSync(log, 'utf8').split('\n').slice(-20).join('\n');
}

/** A free loopback port. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
