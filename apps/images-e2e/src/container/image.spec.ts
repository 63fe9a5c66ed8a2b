import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { beforeAll, expect, it } from '@jest/globals';
import { DEPLOY } from '../harness/manifests.js';
import { newFolder } from '../harness/service.js';
import { IMAGE, ofImage, podman } from './harness/podman.js';

const { suite, why } = ofImage;

const ROOT = join(DEPLOY, '..');
const MAX_BYTES = 200e6;

const read = <T>(file: string): T => JSON.parse(readFileSync(join(ROOT, file), 'utf8')) as T;

suite(`the container image${why}`, () => {
  interface Image {
    readonly Size: number;
    readonly RootFS: { readonly Layers: readonly string[] };
    readonly Config: {
      readonly User: string;
      readonly Entrypoint: readonly string[];
      readonly Cmd: readonly string[];
      readonly Env: readonly string[];
      readonly StopSignal: string;
      readonly ExposedPorts: object;
      readonly Labels: Readonly<Record<string, string>>;
    };
  }
  let image: Image;
  let files: string[];
  const version = read<{ version: string }>('apps/images/package.json').version;

  /** Runs a program of JavaScript in the image. */
  const evaluate = (program: string): string =>
    podman(
      ...['run', '--rm', '--network', 'none', '--entrypoint', '["/nodejs/bin/node"]'],
      ...[IMAGE, '--input-type=module', '--eval', program],
    );

  beforeAll(() => {
    [image] = JSON.parse(podman('image', 'inspect', IMAGE)) as [Image];
    files = JSON.parse(
      evaluate(`
        import { readdirSync } from 'node:fs';
        const folders = ['bin', 'sbin', 'usr', 'opt', 'etc', 'nodejs', 'home', 'lib'];
        const inside = (folder) => {
          try { return readdirSync('/' + folder, { recursive: true }).map((name) => '/' + folder + '/' + name); }
          catch { return []; }
        };
        console.log(JSON.stringify(folders.flatMap(inside)));
      `),
    ) as string[];
  });

  it('runs serve as an unprivileged user, and Node as process 1', () => {
    expect(image.Config).toMatchObject({
      User: '65532:65532',
      Entrypoint: ['/nodejs/bin/node', '--heap-growing-percent=100', '/usr/local/bin/glimpse'],
      Cmd: ['serve'],
      StopSignal: 'SIGTERM',
    });
    expect(image.Config.Env).toEqual(
      expect.arrayContaining(['NODE_ENV=production', 'GLIMPSE_MODE=production']),
    );
    expect(podman('run', '--rm', '--network', 'none', IMAGE, '--version')).toBe(version);
  });

  it('has the labels by which a registry shows what it is', () => {
    expect(image.Config.Labels).toMatchObject({
      'org.opencontainers.image.title': 'Glimpse',
      'org.opencontainers.image.licenses': 'Apache-2.0',
      'org.opencontainers.image.version': version,
      'org.opencontainers.image.revision': expect.stringMatching(/^[0-9a-f]{40}$/),
    });
  });

  it('is small, in few layers', () => {
    expect(image.Size).toBeLessThan(MAX_BYTES);
    expect(image.RootFS.Layers.length).toBeLessThanOrEqual(20);
  });

  it('has no shell, no package manager and no second program', () => {
    const programs = files.filter((file) => /\/s?bin\/[^/]+$/.test(file));
    expect(programs.sort()).toEqual([
      '/nodejs/bin/node',
      '/opt/glimpse/bin/glimpse.js',
      '/usr/local/bin/glimpse',
    ]);
  });

  it('has the licences of what it contains, and its packages are in the SBOM', () => {
    const licences = evaluate(`
      import { readFileSync } from 'node:fs';
      console.log(readFileSync('/opt/glimpse/LICENSES-OF-OTHERS', 'utf8'));
    `);
    // Each begins with name, version and licence, after a line of dashes.
    const contained = [...`${'-'.repeat(80)}\n\n${licences}`.matchAll(/^-{80}\n\n(\S+) (\d\S*) \(/gm)].map(
      ([, name, packageVersion]) => `${name}@${packageVersion}`,
    );
    const { packages } = read<{ packages: Record<string, { version?: string; dev?: boolean }> }>(
      'package-lock.json',
    );
    const listed = Object.entries(packages)
      .filter(([path, { dev }]) => path.includes('node_modules/') && !dev)
      .map(([path, each]) => `${path.slice(path.lastIndexOf('node_modules/') + 13)}@${each.version}`);
    expect(contained.length).toBeGreaterThan(50);
    expect(contained.filter((each) => !listed.includes(each))).toEqual([]);
  });

  it('contains what this checkout packages, byte for byte', () => {
    const folder = newFolder();
    execFileSync(process.execPath, [join(ROOT, 'tools/package.mjs'), folder]);
    const packaged = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
    const sums = JSON.parse(
      evaluate(`
        import { createHash } from 'node:crypto';
        import { readFileSync } from 'node:fs';
        const sum = (file) => createHash('sha256').update(readFileSync('/opt/glimpse/' + file)).digest('hex');
        console.log(JSON.stringify(${JSON.stringify(packaged)}.map((file) => [file, sum(file)])));
      `),
    ) as [string, string][];
    const differing = sums.filter(
      ([file, sum]) =>
        createHash('sha256')
          .update(readFileSync(join(folder, file)))
          .digest('hex') !== sum,
    );
    // Its first line names the image's Node.
    expect(differing.map(([file]) => file)).toEqual(['bin/glimpse.js']);
  });
});
