/**
 * Runs suites of apps/images-e2e once more on a PostgreSQL that is set up unlike any other, in processes that are not
 * in UTC. `/etc/localtime` is another zone's, too, where this user may have a mount namespace.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const ZONE_FILE = '/usr/share/zoneinfo/Asia/Kathmandu';
const MOUNT = `mount --bind ${ZONE_FILE} /etc/localtime`;

const env = {
  ...process.env,
  NODE_OPTIONS: '--experimental-vm-modules --no-warnings',
  GLIMPSE_E2E_HOSTILE: 'yes',
  GLIMPSE_E2E_TZ: 'America/Caracas',
};
const jest = [process.execPath, join(ROOT, 'node_modules/jest/bin/jest.js'), '-c', 'jest.hostile.config.mjs'];
const args = process.argv.slice(2);
const cwd = join(ROOT, 'apps/images-e2e');

const unshare = ['unshare', '--mount', '--', 'sh', '-c', `${MOUNT} && exec "$@"`, 'sh'];
const canMount =
  existsSync(ZONE_FILE) &&
  existsSync('/etc/localtime') &&
  spawnSync(unshare[0], [...unshare.slice(1), 'true']).status === 0;
if (!canMount) {
  console.error(
    'NOT TRIED: /etc/localtime in another zone, because this user may not mount here; TZ is set all the same',
  );
}
const [program, ...rest] = [...(canMount ? unshare : []), ...jest, ...args];
const { status, error } = spawnSync(program, rest, { env, cwd, stdio: 'inherit' });
if (error) throw error;
process.exitCode = status ?? 1;
