/** Podman, with storage and settings of its own: images that are made here never replace those of the machine's user. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const CACHE = process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache');

/** The folder of images, containers and settings; it may be removed at any time. */
export const FOLDER = join(CACHE, 'glimpse/containers');

const CONFIGURATION = {
  CONTAINERS_CONF: join(FOLDER, 'containers.conf'),
  CONTAINERS_STORAGE_CONF: join(FOLDER, 'storage.conf'),
};

/** The version of the service in this checkout, and the name of its image. */
export const VERSION = JSON.parse(
  readFileSync(new URL('../../apps/images/package.json', import.meta.url), 'utf8'),
).version;
export const IMAGE = `localhost/glimpse:${VERSION}`;

/** The settings of Podman on this machine: its defaults need systemd, and the right to raise limits. */
function containersConf() {
  const limit = (letter) => {
    const { stdout } = spawnSync('sh', ['-c', `ulimit -H${letter}`], { encoding: 'utf8' });
    return /^\d+$/.test(stdout?.trim() ?? '') ? stdout.trim() : '4096';
  };
  const [files, processes] = [limit('n'), limit('u')];
  const ulimits = `["nofile=${files}:${files}", "nproc=${processes}:${processes}"]`;
  const engine = [
    ...(existsSync('/run/systemd/system') ? [] : ['cgroup_manager = "cgroupfs"', 'events_logger = "file"']),
    ...(existsSync('/usr/sbin/runc') ? ['runtime = "runc"'] : []),
  ];
  return `[containers]\ndefault_ulimits = ${ulimits}\n[engine]\n${engine.join('\n')}\n`;
}

function storageConf() {
  const [graph, run] = [join(FOLDER, 'images'), join(FOLDER, 'run')];
  return `[storage]\ndriver = "overlay"\ngraphroot = "${graph}"\nrunroot = "${run}"\n`;
}

/** The environment in which Podman uses this storage and these settings. */
export function podmanEnvironment() {
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(CONFIGURATION.CONTAINERS_CONF, containersConf());
  writeFileSync(CONFIGURATION.CONTAINERS_STORAGE_CONF, storageConf());
  return CONFIGURATION;
}

/** The reason why no container can be built or run here; undefined: they can. */
export function missingEngine() {
  for (const [program, argument] of [
    ['podman', '--version'],
    ['mmdebstrap', '--version'],
  ]) {
    if (spawnSync(program, [argument]).error) return `${program} is not installed`;
  }
  const { status, stderr } = podman(['info']);
  return status === 0 ? undefined : `podman does not work here: ${stderr.trim()}`;
}

/**
 * Runs Podman.
 *
 * @param options of `spawnSync`; without any, its output is in the result
 */
export function podman(args, options = {}) {
  const env = { ...process.env, ...podmanEnvironment() };
  return spawnSync('podman', args, { encoding: 'utf8', env, ...options });
}

/** The output of Podman. @throws with what it reports */
export function podmanOutput(args, options = {}) {
  const { status, stdout, stderr, error } = podman(args, options);
  if (status === 0) return stdout.trim();
  throw new Error(`podman ${args.join(' ')}: ${error?.message ?? stderr?.trim() ?? `exit code ${status}`}`);
}
