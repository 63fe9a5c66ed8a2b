#!/usr/bin/env node
/**
 * `npm start`: builds what is stale, then runs the service in this process.
 *
 * Nx needs five seconds to find out that nothing is to be done, so that is found out here: by whether any
 * source is newer than the last build.
 */
import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const STAMP = join(root, 'apps/images/dist/.built');
const IGNORED = new Set(['node_modules', 'dist', 'out-tsc', 'generated', '.nx']);

/** When the newest file in a folder changed. A folder's own time tells of what builds leave in it, too. */
function newest(path) {
  const entry = statSync(path);
  if (!entry.isDirectory()) return entry.mtimeMs;
  const inside = readdirSync(path).filter(
    (name) => !IGNORED.has(name) && !/\.(?:tsbuildinfo|spec\.ts)$/.test(name),
  );
  return Math.max(0, ...inside.map((name) => newest(join(path, name))));
}

const sources = ['apps/images', 'libs', 'prisma', 'package-lock.json', 'tsconfig.base.json'];
const changed = Math.max(...sources.map((name) => newest(join(root, name))));
const built = statSync(STAMP, { throwIfNoEntry: false })?.mtimeMs ?? 0;

if (changed > built) {
  const { status } = spawnSync('npm', ['run', '--silent', 'build', '--', '--outputStyle=static'], {
    cwd: root,
    // Standard output is the service's; what the build says goes beside it.
    stdio: ['ignore', 2, 2],
  });
  if (status !== 0) process.exit(status ?? 1);
}

const { loadSettings } = await import(new URL('../apps/images/dist/config/load.js', import.meta.url));
const settings = readSettings();
if (settings?.source.use !== undefined) {
  const main = fileURLToPath(new URL('../apps/images/dist/main.js', import.meta.url));
  // Where the service has a port for its metrics, from wherever, the follower takes the next one.
  const { port } = settings.metrics;
  const env = {
    ...process.env,
    GLIMPSE_METRICS_PORT: port === undefined ? '' : String(port + 1),
    GLIMPSE_METRICS_PORT_FILE: '',
  };
  const follower = spawn(process.execPath, [main, 'follow'], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  // It ends with the service, and does not keep it from ending.
  follower.unref();
  process.once('exit', () => follower.kill());
}

/** Wrong settings have a message of their own, which the service prints. */
function readSettings() {
  try {
    return loadSettings(process.env);
  } catch {
    return undefined;
  }
}

process.argv.splice(2, Infinity, 'serve');
await import(new URL('../apps/images/dist/main.js', import.meta.url));
