import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase } from '../harness/databases.js';
import { ROOT, newConsumer } from '../harness/packages.js';
import { startService, tokenOf, type Service } from '../harness/service.js';

const COMPILER = join(ROOT, 'node_modules/typescript/bin/tsc');
const PACKAGES = ['@redocly/openapi-core@2.64.0', 'openapi-typescript@7.13.0', 'openapi-fetch@0.17.0'];

/** Prints the problems that a linter of OpenAPI documents calls errors. */
const LINTER = `
import { readFileSync } from 'node:fs';
import { createConfig, lintFromString } from '@redocly/openapi-core';

const config = await createConfig({ extends: ['recommended'] });
const problems = await lintFromString({ source: readFileSync(process.argv[2], 'utf8'), config });
console.log(JSON.stringify(problems.filter(({ severity }) => severity === 'error')));
`;

/** A program on a client whose types are generated from the document. */
const PROGRAM = `
import createClient from 'openapi-fetch';
import type { paths } from './generated.js';

const [endpoint, token] = process.argv.slice(2) as [string, string];
const client = createClient<paths>({ baseUrl: endpoint, headers: { 'x-auth-token': token } });

const list = await client.GET('/images/detail', { params: { query: { limit: 1, visibility: 'public' } } });
if (!list.data) throw new Error(JSON.stringify(list.error));
const [first] = list.data.images;
const shown = await client.GET('/images/{image_id}', { params: { path: { image_id: first!.id } } });
const size: number = shown.data!.image.minDisk;
const missing = await client.GET('/images/{image_id}', {
  params: { path: { image_id: '00000000-0000-0000-0000-000000000000' } },
});
const faults = Object.values(missing.error ?? {}).map((fault) => (fault as { code: number }).code);
console.log(JSON.stringify({ listed: list.data.images.length, same: shown.data!.image.id === first!.id, size, faults }));
`;

describe('the API description, in common tools', () => {
  let service: Service;
  let folder: string;
  let endpoints: readonly string[];
  beforeAll(async () => {
    const starting = createDatabase('contract').then((database) =>
      startService(database, { GLIMPSE_IMAGE_PORT: '0' }),
    );
    [service, folder] = await Promise.all([starting, newConsumer(PACKAGES)]);
    const text = await (await fetch(`${service.url}/openapi.json`)).text();
    const { servers } = JSON.parse(text) as { servers: readonly { url: string }[] };
    endpoints = servers.map(({ url }) => url).filter((url) => !url.includes('{'));
    writeFileSync(join(folder, 'openapi.json'), text);
    writeFileSync(join(folder, 'lint.mjs'), LINTER);
    writeFileSync(join(folder, 'program.ts'), PROGRAM);
  }, 120_000);
  afterAll(() => service.stop());

  const run = (...args: string[]): string =>
    execFileSync(process.execPath, args, { cwd: folder, encoding: 'utf8', timeout: 60_000 });

  it('passes a linter without errors, and that of the Image API, too', async () => {
    expect(JSON.parse(run('lint.mjs', 'openapi.json'))).toEqual([]);
    writeFileSync(join(folder, 'image.json'), await (await fetch(`${service.imageUrl}/openapi.json`)).text());
    expect(JSON.parse(run('lint.mjs', 'image.json'))).toEqual([]);
  });

  it('generates a client that compiles strictly and works', () => {
    run('node_modules/openapi-typescript/bin/cli.js', 'openapi.json', '--output', 'generated.ts');
    const options = [
      '--strict',
      '--target',
      'es2022',
      '--module',
      'nodenext',
      '--skipLibCheck',
      '--outDir',
      'dist',
    ];
    run(
      COMPILER,
      '--pretty',
      'false',
      '--types',
      'node',
      '--typeRoots',
      join(ROOT, 'node_modules/@types'),
      ...options,
      'program.ts',
    );
    expect(endpoints.length).toBe(2);
    for (const endpoint of endpoints) {
      expect(JSON.parse(run('dist/program.js', endpoint, tokenOf('admin')))).toEqual({
        listed: 1,
        same: true,
        size: expect.any(Number),
        faults: [404],
      });
    }
  });
});
