/** Servers as processes of their own, on a core of their own, and their cost by the operating system. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

const SERVER_CORE = '0';
const cores = availableParallelism();
/** Whether a server can have a core of its own. */
export const canPin = cores > 1 && spawnSync('taskset', ['--version']).status === 0;

/** Leaves the server's core to it: this process, and what it starts from now on, runs on the others. */
export function leaveServerCore() {
  if (canPin) spawnSync('taskset', ['-acp', `1-${cores - 1}`, String(process.pid)]);
}

/** A command line that runs on the server's core. */
export function pinned(command) {
  return canPin ? ['taskset', '-c', SERVER_CORE, ...command] : command;
}

/** Ticks of /proc a second: 100 on every Linux that Node runs on. */
const TICKS = 100;

function readStat(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
    return {
      cpu: (Number(fields[11]) + Number(fields[12])) / TICKS,
      rss: (Number(fields[21]) * 4096) / 2 ** 20,
    };
  } catch {
    // Elsewhere than on Linux only rates are known.
    return { cpu: NaN, rss: NaN };
  }
}

/**
 * Starts a server on its core, and waits until it prints its URL.
 *
 * @param {string[]} command program and arguments
 * @param {Record<string, string>} env all it gets beside PATH
 * @param {RegExp} says matches the line that names the URL, as its first group
 */
export async function startServer(command, env, says) {
  const [program, ...args] = pinned(command);
  const run = spawn(program, args, {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(run, 'exit');
  let said = '';
  const url = await new Promise((resolve, reject) => {
    for (const stream of [run.stdout, run.stderr]) {
      stream.on('data', (chunk) => {
        if (said.length < 65_536) said += chunk;
        const [, found] = says.exec(said) ?? [];
        if (found) resolve(found);
      });
    }
    ended.then(() => reject(new Error(`${command.join(' ')} ended: ${said.trim()}`)));
  });
  return {
    url,
    pid: run.pid,
    /** Processor seconds so far. */
    cpu: () => readStat(run.pid).cpu,
    /** MiB. */
    rss: () => readStat(run.pid).rss,
    async stop() {
      run.kill('SIGTERM');
      await ended;
    },
  };
}
