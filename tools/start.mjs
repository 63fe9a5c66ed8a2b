#!/usr/bin/env node
/**
 * `npm start`: builds what is stale, then runs the service in this process.
 *
 * Nx needs five seconds to find out that nothing is to be done, so that is found out here: by whether any
 * source is newer than the last build.
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { endWithParent } from './parent.mjs';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`glimpse: this is Node ${process.versions.node}, and 20.19 is the oldest that is supported`);
  process.exit(1);
}

const root = fileURLToPath(new URL('..', import.meta.url));
const STAMP = join(root, 'apps/images/dist/.built');
const IGNORED = new Set(['node_modules', 'dist', 'out-tsc', 'generated', '.nx']);

if (process.env.npm_lifecycle_event !== undefined) endWithParent();

/** When the newest file in a folder changed. A folder's own time would include the output of builds. */
function newest(path) {
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.mtimeMs;
  const inside = readdirSync(path).filter(
    (name) => !IGNORED.has(name) && !/\.(?:tsbuildinfo|spec\.ts)$/.test(name),
  );
  return Math.max(0, ...inside.map((name) => newest(join(path, name))));
}

/** Builds, and ends this process where that fails or a signal comes meanwhile. */
async function build() {
  // Standard output is the service's; the build writes to standard error.
  const child = spawn('npm', ['run', '--silent', 'build', '--', '--outputStyle=static'], {
    cwd: root,
    detached: true,
    stdio: ['ignore', 2, 2],
  });
  const stop = () => {
    process.kill(-child.pid, 'SIGTERM');
    process.exit(1);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, stop);
  const status = await new Promise((resolve) => child.once('exit', resolve));
  for (const signal of signals) process.off(signal, stop);
  if (status !== 0) process.exit(status ?? 1);
}

const sources = ['apps/images', 'libs', 'prisma', 'package-lock.json', 'tsconfig.base.json'];
const changed = Math.max(...sources.map((name) => newest(join(root, name))));
const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;
if (changed > built) await build();

await import('./run.mjs');
