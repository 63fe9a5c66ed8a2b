import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DEPLOY } from './manifests.js';
import { ROOT } from './packages.js';
import type { Release } from './replicas.js';
import { newFolder } from './service.js';

/** The commit of the release that this one upgrades. */
const COMMIT = readFileSync(join(DEPLOY, 'previous-release'), 'utf8').trim();

/** Whether the history has it: an archive of the sources and a shallow clone do not. */
export const hasPreviousRelease =
  spawnSync('git', ['cat-file', '-e', `${COMMIT}^{commit}`], { cwd: ROOT }).status === 0;

/** Builds the previous release in a folder of its own. */
export function previousRelease(): Release {
  const folder = newFolder();
  const archive = execFileSync('git', ['archive', COMMIT], { cwd: ROOT, maxBuffer: 2 ** 28 });
  execFileSync('tar', ['-x'], { cwd: folder, input: archive });
  const env = { PATH: process.env['PATH'], HOME: process.env['HOME'], CI: 'true', NX_DAEMON: 'false' };
  const npm = (...args: string[]): Buffer => execFileSync('npm', args, { cwd: folder, env, stdio: 'pipe' });
  npm('ci', '--no-audit', '--no-fund', '--prefer-offline');
  npm('run', 'package');
  return { command: join(folder, 'dist/package/bin/glimpse.js'), unknown: ['GLIMPSE_IMAGE_PORT'] };
}
