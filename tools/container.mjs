#!/usr/bin/env node
/** `npm run container`: builds the container image with Podman, without an image registry. `--help` has the options. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments } from './command-line.mjs';
import { makeBases } from './container/bases.mjs';
import { FOLDER, IMAGE, VERSION, missingEngine, podman, podmanOutput } from './container/engine.mjs';

const HELP = `Usage: npm run container -- [options]

Builds deploy/Containerfile with Podman. Images that its FROM lines name are made of Debian packages and npm's Node, once.
Images are kept in ${FOLDER}: CONTAINERS_CONF and CONTAINERS_STORAGE_CONF lead Podman there.

  --tag NAME  the image's name (localhost/glimpse:VERSION)
  --twice     build it a second time from nothing, and compare the digests

Needs podman and mmdebstrap (Debian's packages); without them, or where the images of the FROM lines cannot be made, it
says that it is skipped, and ends with 0.
`;

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const CONTAINERFILE = join(ROOT, 'deploy/Containerfile');
/** Where the build finds what this machine needs to reach its registry of packages; no layer has it. */
const BUILD_FILES = '/run/build';

const { values: options } = readArguments(HELP, {
  options: {
    tag: { type: 'string', default: IMAGE },
    twice: { type: 'boolean', default: false },
  },
});

const skip = (reason) => {
  console.log(`SKIPPED: ${reason}, so the container image was not built`);
  process.exit(0);
};
const missing = missingEngine();
if (missing !== undefined) skip(missing);

const started = Date.now();
const report = (line) => console.log(`[${((Date.now() - started) / 1000).toFixed(0)} s] ${line}`);

const git = (...args) => {
  const { status, stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  return status === 0 ? stdout.trim() : undefined;
};

function npmSetting(name) {
  const { stdout } = spawnSync('npm', ['config', 'get', name], { cwd: ROOT, encoding: 'utf8' });
  const value = stdout.trim();
  return value === 'undefined' || value === 'null' ? '' : value;
}

/** npm's registry, certificates and cache of this machine. */
function registryFiles() {
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-build-'));
  const lines = [`registry=${npmSetting('registry')}`];
  const authorities = npmSetting('cafile') || process.env['NODE_EXTRA_CA_CERTS'];
  if (authorities && existsSync(authorities)) {
    cpSync(authorities, join(folder, 'authorities.crt'));
    lines.push(`cafile=${BUILD_FILES}/authorities.crt`);
  }
  writeFileSync(join(folder, 'npmrc'), `${lines.join('\n')}\n`);
  return folder;
}

/** Builds the image. @returns its id, the digest of its configuration and layers */
function build(tag, extra = []) {
  const files = registryFiles();
  try {
    const args = [
      ...['build', '--file', CONTAINERFILE, '--tag', tag, '--pull=never', '--layers=false', ...extra],
      // Neither a registry's network nor rights that a build in a container lacks.
      ...['--isolation', 'chroot', '--network', 'host'],
      // The times of files and of the image are the commit's, so that they do not depend on when it is built.
      ...['--timestamp', git('log', '-1', '--format=%ct') ?? '0'],
      ...[
        '--build-arg',
        `VERSION=${VERSION}`,
        '--build-arg',
        `REVISION=${git('rev-parse', 'HEAD') ?? 'unknown'}`,
      ],
      ...['--volume', `${files}:${BUILD_FILES}:ro`, '--volume', `${files}/npmrc:/usr/local/etc/npmrc:ro`],
      ...['--volume', `${npmSetting('cache')}:/root/.npm`],
      ROOT,
    ];
    return podmanOutput(args, { stdio: ['ignore', 'pipe', 'inherit'] })
      .split('\n')
      .at(-1);
  } finally {
    rmSync(files, { recursive: true, force: true });
  }
}

try {
  makeBases(CONTAINERFILE, report);
} catch (error) {
  skip(`the base images cannot be made: ${error.message}`);
}
report(`building ${options.tag}`);
const id = build(options.tag);
const [image] = JSON.parse(podmanOutput(['image', 'inspect', id]));
const layers = image.RootFS.Layers.length;
report(
  `${options.tag}: ${id}, ${(image.Size / 1e6).toFixed(0)} MB in ${layers} layers, user ${image.Config.User}`,
);

if (options.twice) {
  report('building it again from nothing');
  const second = build(`${options.tag}-again`, ['--no-cache']);
  podman(['rmi', `${options.tag}-again`]);
  if (second !== id) {
    report(`the second build differs: ${second}`);
    process.exit(1);
  }
  report('the second build has the same digest');
}
