import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { ROOT, install, packLibraries } from '../harness/packages.js';
import { newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const PAGE_IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';
const EXAMPLES = ['plugin-image-owner', 'plugin-static-tokens'];

/** The programs of the page for plugin authors, by the file that it puts them into. */
function programsOfPage(): Record<string, string> {
  const page = readFileSync(join(ROOT, 'docs/plugins.md'), 'utf8');
  const blocks = page.matchAll(/^`([\w.]+)`:\n\n```js\n([\s\S]*?)^```/gm);
  return Object.fromEntries([...blocks].map(([, file, program]) => [file!, program!]));
}

/** Runs a plugin's own tests. */
function runTests(folder: string): string {
  // Inside another test run Node's runner would report to that one.
  const { NODE_TEST_CONTEXT: _, NODE_OPTIONS: __, ...env } = process.env;
  return execFileSync('npm', ['test'], { cwd: folder, encoding: 'utf8', env });
}

async function get(service: Service, path: string, token: string): Promise<Record<string, unknown>> {
  const response = await fetch(service.url + path, { headers: { 'x-auth-token': token } });
  return { status: response.status, ...((await response.json()) as object) };
}

describe('plugins written outside the repository', () => {
  const home = newFolder();
  const folderOf = (name: string): string => join(home, name);

  beforeAll(async () => {
    const tarballs = packLibraries().filter((file) => /glimpse-(?:domain|options|plugins)-/.test(file));
    for (const name of EXAMPLES) {
      cpSync(join(ROOT, 'examples', name), folderOf(name), { recursive: true });
    }
    const written = folderOf('written-from-the-page');
    mkdirSync(written);
    const manifest = { type: 'module', exports: './index.js', scripts: { test: 'node --test' } };
    writeFileSync(join(written, 'package.json'), JSON.stringify(manifest));
    const folders = [...EXAMPLES.map(folderOf), written];
    await Promise.all(folders.map((folder) => install(folder, tarballs)));
    for (const [file, program] of Object.entries(programsOfPage())) {
      writeFileSync(join(written, file), program);
    }
  }, 120_000);

  it.each([...EXAMPLES, 'written-from-the-page'])('pass the conformance suite: %s', (name) => {
    expect(runTests(folderOf(name))).toMatch(/^# fail 0$|ℹ fail 0/m);
  });

  it('need nothing but the contracts', () => {
    for (const name of EXAMPLES) {
      const manifest = readFileSync(join(ROOT, 'examples', name, 'package.json'), 'utf8');
      expect(JSON.parse(manifest)).toMatchObject({ dependencies: { '@glimpse/plugins': expect.anything() } });
      expect(Object.keys((JSON.parse(manifest) as { dependencies: object }).dependencies)).toHaveLength(1);
    }
  });

  describe('in a service', () => {
    let service: Service;
    beforeAll(async () => {
      const tokens = join(home, 'tokens.json');
      const ann = { user: 'ann', project: '66c50f42ace742efaaf201e7ba0fe751', roles: ['member'] };
      writeFileSync(tokens, JSON.stringify({ 'token-of-ann': ann }));
      const settings = {
        extensions: [
          { use: folderOf('plugin-image-owner'), options: { ownerless: null } },
          { use: folderOf('written-from-the-page'), options: { digits: 5 } },
        ],
        authenticator: { use: folderOf('plugin-static-tokens'), options: { file: tokens, realm: 'here' } },
      };
      writeFileSync(join(home, 'glimpse.yaml'), JSON.stringify(settings));
      service = await startService(await createDatabase('contract'), {
        GLIMPSE_CONFIG: join(home, 'glimpse.yaml'),
      });
    });
    afterAll(() => service.stop());

    it('are loaded with their options, by copies of the library that are their own', async () => {
      const { image } = await get(service, `/v2.1/images/${PAGE_IMAGE}`, 'token-of-ann');
      expect(image).toMatchObject({
        'EXAMPLE-OWNER:owner': expect.stringMatching(/^[0-9a-f]{32}$/),
        'EXAMPLE-GIB:size': expect.any(Number),
      });
      const { extensions } = await get(service, '/v2.1/extensions', 'token-of-ann');
      expect((extensions as { alias: string }[]).map(({ alias }) => alias)).toEqual([
        'EXAMPLE-GIB',
        'EXAMPLE-OWNER',
      ]);
    });

    it('identify the caller of a token', async () => {
      const refused = await fetch(`${service.url}/v2.1/images`, {
        headers: { 'x-auth-token': tokenOf('demo') },
      });
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Token realm="here"']);
    });
  });
});
