import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { ROOT, install, packLibraries } from '../harness/packages.js';
import { newFolder } from '../harness/service.js';
import { IMAGE, ofImage, podman } from './harness/podman.js';

const { suite, why } = ofImage;
const page = readFileSync(join(ROOT, 'docs/plugins.md'), 'utf8');
const [, program = ''] = /^`index\.js`:\n\n```js\n([\s\S]*?)^```/m.exec(page) ?? [];
const [, recipe = ''] = /^```dockerfile\n([\s\S]*?)^```/m.exec(page) ?? [];

/** Packs the plugin of the page, with what it needs: the libraries are in no registry that a build here could reach. */
async function packPlugin(context: string): Promise<void> {
  const folder = join(context, 'plugin');
  mkdirSync(folder);
  const write = (manifest: object): void =>
    writeFileSync(
      join(folder, 'package.json'),
      JSON.stringify({
        ...{ name: 'glimpse-plugin-gib', version: '1.0.0', type: 'module', exports: './index.js' },
        ...manifest,
      }),
    );
  write({});
  await install(
    folder,
    packLibraries().filter((file) => /glimpse-(?:domain|options|plugins)-/.test(file)),
  );
  const dependencies = Object.fromEntries(
    ['domain', 'options', 'plugins'].map((name) => [`@glimpse/${name}`, '*']),
  );
  write({ dependencies, bundleDependencies: true });
  writeFileSync(join(folder, 'index.js'), program);
  execFileSync('npm', ['pack', '--silent', '--pack-destination', context], { cwd: folder });
}

suite(`a plugin in the container image${why}`, () => {
  it('is loaded by an image that is built as the page for plugin authors says', async () => {
    const context = newFolder();
    await packPlugin(context);
    const [base] = /registry\.example\.com\S+/.exec(recipe) ?? [];
    writeFileSync(join(context, 'Containerfile'), recipe.replace(base!, IMAGE));
    const tag = 'localhost/glimpse-with-plugin';
    podman('build', '--isolation', 'chroot', '--network', 'host', '--pull=never', '--tag', tag, context);
    const settings = { extensions: [{ use: 'glimpse-plugin-gib', options: { digits: 3 } }] };
    const config = join(context, 'glimpse.yaml');
    writeFileSync(config, JSON.stringify(settings));
    const check = (): string =>
      podman(
        ...['run', '--rm', '--network', 'none', '--volume', `${config}:/etc/glimpse.yaml:ro`],
        ...['--env', 'GLIMPSE_CONFIG=/etc/glimpse.yaml', '--env', 'GLIMPSE_MODE=development'],
        ...[tag, 'config', '--check'],
      );
    expect(check()).toBe('');
    writeFileSync(
      config,
      JSON.stringify({ extensions: [{ use: 'glimpse-plugin-gib', options: { digits: 10 } }] }),
    );
    expect(check).toThrow(/digits = 10 is not allowed/);
    podman('image', 'rm', tag);
  }, 180_000);
});
