/**
 * Stops the servers whose data are in a folder, and removes it, once standard input ends. That is when the
 * test run ends, however it does: a killed Jest runs no teardown, and servers have process groups of their own.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [, , folder] = process.argv;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => undefined);
process.stdin.resume();
await once(process.stdin, 'close');

/** Whether a number is that of the server of these data, and of no other process. */
function isServerOf(pid, data) {
  const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', pid], { encoding: 'utf8' });
  return stdout.includes(`-D ${data}`);
}

async function clean() {
  const files = readdirSync(folder, { recursive: true }).filter((name) => name.endsWith('/postmaster.pid'));
  for (const file of files.map((name) => join(folder, name))) {
    const [pid] = readFileSync(file, 'utf8').split('\n', 1);
    if (!isServerOf(pid, dirname(file))) continue;
    process.kill(Number(pid), 'SIGQUIT');
    for (let tries = 0; existsSync(file) && tries < 500; tries++) await sleep(10);
  }
  rmSync(folder, { recursive: true, force: true });
}

// The workers of a killed Jest outlive it, and may make things while they are cleaned away.
for (let quiet = 0; quiet < 5; quiet++) {
  if (existsSync(folder)) {
    quiet = 0;
    await clean().catch(() => undefined);
  }
  await sleep(1_000);
}
