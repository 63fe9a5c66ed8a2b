/**
 * Runs the built service in this process, and beside it a follower where the settings name a source. Whatever ends, and
 * however, the rest ends in order: the service drains, the follower gives up its lease, and the last to leave the
 * embedded PostgreSQL stops it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endWithParent } from './parent.mjs';

/** How long the follower has to end after the service. */
const FOLLOWER_DEADLINE_MS = 15_000;

const MAIN = fileURLToPath(new URL('../apps/images/dist/main.js', import.meta.url));
const FOLLOW = fileURLToPath(new URL('follow.mjs', import.meta.url));

const { loadSettings } = await import(new URL('../apps/images/dist/settings/load.js', import.meta.url));

/** Wrong settings have a message of their own, which the service prints. */
function readSettings() {
  try {
    return loadSettings(process.env);
  } catch {
    return undefined;
  }
}

function startFollower({ metrics: { port } }) {
  const env = {
    ...process.env,
    // Where the service has a port for its metrics, the follower uses the next one.
    GLIMPSE_METRICS_PORT: port === undefined ? '' : String(port + 1),
    GLIMPSE_METRICS_PORT_FILE: '',
  };
  // A process group of its own, so that Ctrl-C does not end it before the service has drained.
  const follower = spawn(process.execPath, [FOLLOW], {
    env,
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  follower.unref();
  follower.once('exit', (code, signal) => {
    if (serviceEnded) return;
    process.stderr.write(`glimpse: the follower ended (${signal ?? code}), so the service ends, too\n`);
    process.exitCode = 1;
    process.kill(process.pid, 'SIGTERM');
  });
  // Where the service is ended at once, by a second signal.
  process.once('exit', () => follower.kill());
  return follower;
}

async function stop(follower) {
  if (follower.exitCode !== null || follower.signalCode !== null) return;
  const ended = once(follower, 'exit');
  follower.ref();
  follower.kill();
  setTimeout(() => follower.kill('SIGKILL'), FOLLOWER_DEADLINE_MS).unref();
  await ended;
}

if (process.env.npm_lifecycle_event !== undefined) endWithParent();
let serviceEnded = false;
const settings = readSettings();
const follower = settings?.source.use === undefined ? undefined : startFollower(settings);
process.argv.splice(2, Infinity, 'serve');
await import(MAIN);
serviceEnded = true;
if (follower) await stop(follower);
process.exit();
