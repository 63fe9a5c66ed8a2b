import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, readFileSync, writeFileSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMAND, glimpse, type Run } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { IMAGE_URL, newFolder, startBareService, type Service } from '../harness/service.js';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const PUBLIC_URL = 'https://images.example.com/compute';
const PUBLIC = '70a599e0-31e7-49b7-b260-868f441e862b';

/** What the container holds, and a plugin beside it. */
const image = newFolder();
chmodSync(image, 0o755);

/**
 * Runs a program that sees only one folder of this repository, read-only at `/mnt`, in namespaces of its own, and
 * without privileges when this is root.
 */
function sealed(folder: string, ...program: string[]): [string, ...string[]] {
  const isRoot = process.getuid?.() === 0;
  const seal = `
    set -e
    mount --bind "$1" /mnt
    mount -o remount,bind,ro /mnt
    mount -o remount,bind,ro /
    mount -t tmpfs none "$2"
    shift 2
    exec ${isRoot ? 'setpriv --reuid=65534 --regid=65534 --clear-groups' : ''} "$@"`;
  const namespaces = isRoot ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
  return ['unshare', ...namespaces, 'sh', '-c', seal, 'sh', folder, root, ...program];
}

/** The reason why a program cannot be run so on this machine, if there is one. */
function whyNot(): string | undefined {
  const [unshare, ...args] = sealed(image, process.execPath, '--version');
  const { status, stderr, error } = spawnSync(unshare, args, { encoding: 'utf8' });
  return status === 0 ? undefined : (error?.message ?? stderr.trim());
}

const reason = whyNot();
if (reason !== undefined) process.stderr.write(`package: not sealed off here (${reason})\n`);
const inside = reason === undefined ? '/mnt' : image;
const run = (...program: [string, ...string[]]): [string, ...string[]] =>
  reason === undefined ? sealed(image, ...program) : program;
const how: Run = { cwd: '/', command: run(process.execPath, join(inside, 'glimpse/bin/glimpse.js')) };

const hasIPv6 = networkInterfaces()['lo']?.some(({ family }) => family === 'IPv6') ?? false;

/** An extension written against the published library, with options that come as text. */
const PLUGIN = `
import { Nested, Text, WholeNumber, definePlugin } from '@glimpse/plugins';
class Label { text = 'none'; }
Text()(Label.prototype, 'text');
class Options { rank = 1; label = new Label(); }
WholeNumber(1, 9)(Options.prototype, 'rank');
Nested(() => Label)(Options.prototype, 'label');
export default definePlugin({
  kind: 'image-extension', contract: 1, options: Options,
  create: ({ rank, label }) => ({
    alias: 'EXAMPLE', name: 'Example', namespace: 'https://example.com', updated: '2026-01-01T00:00:00Z',
    description: 'Adds what its options say.',
    attributes: () => ({ 'EXAMPLE:rank': rank, 'EXAMPLE:label': label.text }),
  }),
});`;

/** A folder with the plugin and what it depends on, as an operator would add it to an image. */
function makePluginFolder(): void {
  const folder = join(image, 'plugins');
  for (const name of ['class-validator', 'libphonenumber-js', 'reflect-metadata', 'validator']) {
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), { recursive: true });
  }
  for (const name of ['domain', 'options', 'plugins']) {
    for (const part of ['dist', 'package.json']) {
      const to = join(folder, 'node_modules/@glimpse', name, part);
      cpSync(join(root, 'libs', name, part), to, { recursive: true });
    }
  }
  writeFileSync(join(folder, 'example.mjs'), PLUGIN);
  writeFileSync(
    join(folder, 'glimpse.yaml'),
    `extensions:\n  - use: ${inside}/plugins/example.mjs\n    options: { rank: 7, label: { text: gold } }\n`,
  );
}

let keystone: FakeKeystone;
let settings: Record<string, string>;
const command = (args: string[], input?: string): ReturnType<typeof glimpse> =>
  glimpse(args, settings, { ...how, input });

beforeAll(async () => {
  cpSync(dirname(dirname(COMMAND)), join(image, 'glimpse'), { recursive: true });
  makePluginFolder();
  keystone = await FakeKeystone.start();
  keystone.addUser({ name: 'glimpse', password: 'secret', roles: ['service'] });
  settings = {
    NODE_ENV: 'production',
    GLIMPSE_MODE: 'production',
    GLIMPSE_PUBLIC_URL: PUBLIC_URL,
    GLIMPSE_IMAGE_URL: IMAGE_URL,
    GLIMPSE_CONFIG: join(inside, 'plugins/glimpse.yaml'),
    DATABASE_URL: databaseUrl(await createDatabase('empty')),
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: 'glimpse',
    OS_PASSWORD: 'secret',
    OS_PROJECT_NAME: 'service',
  };
}, 60_000);
afterAll(() => keystone.close());

describe('the package', () => {
  (reason === undefined ? it : it.skip)('can neither reach this repository nor write anything', () => {
    for (const [program, ...args] of [
      run('test', '-e', join(root, 'package.json')),
      run('touch', '/mnt/glimpse/file'),
      run('touch', '/tmp/file'),
    ]) {
      expect(spawnSync(program, args).status).toBe(1);
    }
  });

  it('migrates an empty database', async () => {
    const { code, stdout } = await command(['migrate']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^applied .*_images\n/) });
    expect((await command(['migrate'])).stdout).toBe('nothing to do\n');
  });

  it('imports documents and purges what is deleted', async () => {
    const documents = readFileSync(new URL('../../contract/compute/images.json', import.meta.url), 'utf8');
    expect((await command(['import', '-'], documents)).code).toBe(0);
    expect(await command(['purge', '--older-than', '0s'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+ images purged\n$/),
    });
  });

  it('prints its settings, its policy and its version', async () => {
    expect((await command(['config'])).stdout).toContain('mode: production');
    expect((await command(['policy', 'list'])).stdout).toContain('modify_image');
    const { version } = JSON.parse(readFileSync(join(root, 'apps/images/package.json'), 'utf8')) as object & {
      version: string;
    };
    expect((await command(['--version'])).stdout).toBe(`${version}\n`);
  });

  it('reports what is wrong with a setting', async () => {
    const { code, stderr } = await glimpse(['config'], { ...settings, GLIMPSE_PORT: 'x' }, how);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^glimpse: GLIMPSE_PORT = "x" is not allowed: it must be a whole number/);
  });

  it('has no PostgreSQL of its own', async () => {
    const { stderr } = await glimpse(['migrate'], {}, how);
    expect(stderr).toMatch(/^glimpse: there is no embedded PostgreSQL .* DATABASE_URL\n$/);
  });

  describe('serving', () => {
    let service: Service | undefined;
    let token: string;
    beforeAll(async () => {
      token = keystone.issue({
        userName: 'ann',
        scope: { kind: 'project', id: 'a'.repeat(32), name: 'ann' },
        roles: ['member'],
      });
      service = await startBareService(settings, how);
      await until(async () => (await fetch(`${service!.url}/readyz`)).ok);
    });
    afterAll(() => service?.stop());

    const get = (path: string): Promise<Response> =>
      fetch(service!.url + path, { headers: { 'x-auth-token': token } });

    it('shows an image, with what a plugin from outside adds', async () => {
      const response = await get(`/v2.1/images/${PUBLIC}`);
      expect(response.status).toBe(200);
      const { image } = (await response.json()) as { image: { links: { href: string }[] } };
      expect(image).toMatchObject({ id: PUBLIC, 'EXAMPLE:rank': 7, 'EXAMPLE:label': 'gold' });
      expect(image.links[0]!.href).toBe(`${PUBLIC_URL}/v2.1/images/${PUBLIC}`);
    });

    it('lists, validates parameters, and refuses a request without a token', async () => {
      expect((await get('/v2.1/images/detail?limit=2')).status).toBe(200);
      const refused = await get('/v2.1/images?limit=x');
      expect({ status: refused.status, ...((await refused.json()) as object) }).toEqual({
        status: 400,
        badRequest: { code: 400, message: expect.stringContaining('limit') as unknown },
      });
      expect((await fetch(`${service!.url}/v2.1/images`)).status).toBe(401);
    });

    it(`is reached by IPv4 and by IPv6${hasIPv6 ? '' : ' (IPv6 skipped: this machine has none)'}`, async () => {
      const { port } = new URL(service!.url);
      for (const host of ['127.0.0.1', ...(hasIPv6 ? ['[::1]'] : [])]) {
        expect((await fetch(`http://${host}:${port}/livez`)).status).toBe(200);
      }
    });

    it('describes itself, with a page that has its files', async () => {
      const { paths } = (await (await get('/openapi.json')).json()) as { paths: object };
      expect(Object.keys(paths)).toContain('/images/{image_id}');
      for (const path of ['/docs', '/docs/swagger-ui.css', '/docs/swagger-ui-bundle.js', '/metrics']) {
        expect((await get(path)).status).toBe(200);
      }
    });
  });
});
