import { spawnSync } from 'node:child_process';

/** The time after which an installation counts as hanging. */
const DEADLINE_MS = 300_000;

/**
 * Installs npm packages into a folder, for one run: they are no dependencies.
 *
 * @param {string[]} packages such as `name@npm:package@1`
 * @returns why they cannot be had; undefined: they are there
 */
export function fetchPackages(folder, packages) {
  const install = ['install', '--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', ...packages];
  const { status, stderr } = spawnSync('npm', install, { encoding: 'utf8', timeout: DEADLINE_MS });
  return status === 0 ? undefined : stderr.trim();
}
