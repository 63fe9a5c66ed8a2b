/**
 * The base images of deploy/Containerfile, for machines without an image registry: the libraries of Debian and the Node
 * of the npm package, under the names of the Containerfile's FROM lines. They are made once.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { podman, podmanOutput } from './engine.mjs';

const SUITE = 'bookworm';
/** What Node needs, and what the shell commands of the Containerfile need. */
const PACKAGES = [
  'base-files',
  'ca-certificates',
  'coreutils',
  'dash',
  'libc-bin',
  'libatomic1',
  'libstdc++6',
  'netbase',
  'sed',
  'tzdata',
];
/** What the image that runs has of these: libraries, time zones, names of protocols. No programs. */
const RUN_PATHS = [
  './lib64',
  './lib/*-linux-gnu/*.so*',
  './usr/lib/*-linux-gnu/libatomic.so*',
  './usr/lib/*-linux-gnu/libstdc++.so*',
  './usr/share/zoneinfo',
  './etc/debian_version',
  './etc/protocols',
  './etc/services',
  './usr/lib/os-release',
];
const PASSWD = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin
`;
const GROUP = 'root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n';
const LABEL = 'glimpse.base';

/** The names in the FROM lines of a Containerfile: the image that builds, and the one that runs. */
export function baseNames(containerfile) {
  const names = [...readFileSync(containerfile, 'utf8').matchAll(/^FROM (\S+)/gm)].map(([, name]) => name);
  const [major, ...others] = new Set(names.map((name) => /\/node(?:js)?:?(\d+)-/.exec(name)?.[1]));
  if (names.length !== 2 || major === undefined || others.length > 0) {
    throw new Error(
      `${containerfile}: the FROM lines must name two images of one Node, not ${names.join(' and ')}`,
    );
  }
  return { build: names[0], run: names[1], major };
}

/** The version of the recipe: base images of another one are made anew. */
const recipe = createHash('sha256')
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .digest('hex')
  .slice(0, 16);

function isMade(name) {
  const { status, stdout } = podman(['image', 'inspect', '--format', `{{index .Labels "${LABEL}"}}`, name]);
  return status === 0 && stdout.trim() === recipe;
}

/**
 * Makes the base images that are missing.
 *
 * @param report receives a line for each step
 */
export function makeBases(containerfile, report) {
  const { build, run, major } = baseNames(containerfile);
  if (isMade(build) && isMade(run)) return report(`base images: ${build} and ${run} exist`);
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-bases-'));
  try {
    report(`base images: Debian's ${PACKAGES.join(', ')}`);
    const root = join(folder, 'root.tar');
    runProgram('mmdebstrap', [
      '--quiet',
      '--variant=extract',
      `--include=${PACKAGES.join(',')}`,
      SUITE,
      root,
    ]);
    report(`base images: Node ${major} of the npm package`);
    const node = fetchNode(major, folder);
    importImage(build, buildRoot(join(folder, 'build'), root, node), ['CMD ["node"]']);
    importImage(run, runRoot(join(folder, 'run'), root, node), [
      'USER 65532',
      'WORKDIR /home/nonroot',
      'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt',
      'ENTRYPOINT ["/nodejs/bin/node"]',
    ]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @returns the file of the program */
function fetchNode(major, folder) {
  const name = `node-${process.platform}-${process.arch}`;
  runProgram('npm', [
    'install',
    '--prefix',
    folder,
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    `${name}@${major}`,
  ]);
  return join(folder, 'node_modules', name, 'bin/node');
}

/** The image that builds: Debian's shell and tools, Node, and the npm of this machine. */
function buildRoot(folder, root, node) {
  extract(root, folder, []);
  write(join(folder, 'etc/passwd'), PASSWD);
  write(join(folder, 'etc/group'), GROUP);
  place(node, join(folder, 'usr/local/bin/node'));
  const npm = join(spawnSync('npm', ['root', '--global'], { encoding: 'utf8' }).stdout.trim(), 'npm');
  place(npm, join(folder, 'usr/local/lib/node_modules/npm'));
  for (const name of ['npm', 'npx']) {
    symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(folder, 'usr/local/bin', name));
  }
  return folder;
}

/** The image that runs: Node, its libraries, certificates, and a user without rights. */
function runRoot(folder, root, node) {
  extract(root, folder, RUN_PATHS);
  place(node, join(folder, 'nodejs/bin/node'));
  const authorities = join(folder, '../build/usr/share/ca-certificates/mozilla');
  const certificates = readdirSync(authorities).map((name) => readFileSync(join(authorities, name), 'utf8'));
  write(join(folder, 'etc/ssl/certs/ca-certificates.crt'), certificates.join(''));
  write(join(folder, 'etc/passwd'), PASSWD);
  write(join(folder, 'etc/group'), GROUP);
  write(join(folder, 'etc/nsswitch.conf'), 'hosts: files dns\n');
  mkdirSync(join(folder, 'home/nonroot'), { recursive: true });
  mkdirSync(join(folder, 'tmp'));
  chmodSync(join(folder, 'tmp'), 0o1777);
  return folder;
}

function extract(root, folder, paths) {
  mkdirSync(folder, { recursive: true });
  runProgram('tar', ['-x', '-f', root, '-C', folder, '--exclude=./dev/*', '--wildcards', ...paths]);
}

function place(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, dereference: true });
}

function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

function importImage(name, folder, changes) {
  const tarball = `${folder}.tar`;
  runProgram('tar', ['-c', '-f', tarball, '-C', folder, '--owner=0', '--group=0', '--sort=name', '.']);
  const settings = [...changes, `LABEL ${LABEL}=${recipe}`].flatMap((change) => ['--change', change]);
  podmanOutput(['import', '--quiet', ...settings, tarball, name]);
}

function runProgram(program, args) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
