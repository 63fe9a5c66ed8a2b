import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { glimpse } from '../harness/command.js';
import { IDENTITIES, newFolder, startService, tokenOf, type Service } from '../harness/service.js';

const PAGE_IMAGE = '70a599e0-31e7-49b7-b260-868f441e862b';

/** An image extension whose attributes are made by a program, `image => …`. */
function extension(alias: string, attributes: string): string {
  return `export default { kind: 'image-extension', contract: 1, create: () => ({
    alias: '${alias}', name: '${alias}', namespace: 'https://example.com/${alias}', updated: '2026-01-01T00:00:00Z',
    description: 'Adds ${alias}.', attributes: ${attributes},
  }) };`;
}

const EXTENSIONS = {
  'throws.mjs': extension('THROWS', `() => { throw new Error('secret of the plugin'); }`),
  'wrong.mjs': extension('WRONG', `() => 'secret of the plugin'`),
  'late.mjs': extension('LATE', `async () => { throw new Error('secret of the plugin'); }`),
  'taker.mjs': extension('TAKER', `() => ({ id: 'secret of the plugin', 'TAKER:a': 1 })`),
  'good.mjs': extension('GOOD', `(image) => ({ 'GOOD:id': image.id })`),
};

/** An authenticator that does what a token names. */
const AUTHENTICATOR = `
  const identity = {
    userId: 'u', userName: 'u', scope: { kind: 'project', id: '${IDENTITIES['demo']!.project_id}', name: 'demo' },
    roles: ['member'], accessRules: null, expiresAt: null, service: false,
  };
  const behaviours = {
    good: () => ({ outcome: 'identity', identity }),
    rejects: async (token) => { throw new Error('no such file for ' + token); },
    throws: () => { throw new Error('no such file'); },
    hangs: () => new Promise(() => {}),
    nonsense: () => true,
    half: () => ({ outcome: 'identity', identity: { ...identity, accessRules: undefined } }),
  };
  export default { kind: 'authenticator', contract: 1, create: () => ({
    challenge: 'Example realm="tests"',
    authenticate: (token) => behaviours[token]?.(token) ?? { outcome: 'invalid' },
  }) };
`;

/** Starts a service on these modules. */
async function startWith(modules: Record<string, string>, settings: string): Promise<Service> {
  const folder = newFolder();
  for (const [name, text] of Object.entries(modules)) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'glimpse.yaml'), settings.replaceAll('./', `${folder}/`));
  const database = await createDatabase('contract');
  return startService(database, { GLIMPSE_CONFIG: join(folder, 'glimpse.yaml') });
}

async function metric(service: Service, name: string): Promise<string[]> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return text.split('\n').filter((line) => line.startsWith(name));
}

function linesAboutFaults(service: Service): Record<string, unknown>[] {
  const lines = service.log().split('\n').filter(Boolean);
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ event }) => event === 'plugin-failed');
}

describe('image extensions that fail', () => {
  let service: Service;
  beforeAll(async () => {
    const uses = Object.keys(EXTENSIONS).map((name) => `  - use: ./${name}`);
    service = await startWith(EXTENSIONS, `extensions:\n${uses.join('\n')}\n`);
  });
  afterAll(() => service.stop());

  const get = (path: string): Promise<Response> =>
    fetch(service.url + path, { headers: { 'x-auth-token': tokenOf('demo') } });

  it('lose their own attributes and leave the rest of the response', async () => {
    for (let time = 0; time < 3; time++) {
      const shown = await get(`/v2.1/images/${PAGE_IMAGE}`);
      expect(shown.status).toBe(200);
      const text = await shown.text();
      expect(JSON.parse(text)).toMatchObject({ image: { id: PAGE_IMAGE, 'GOOD:id': PAGE_IMAGE } });
      expect(text).not.toMatch(/secret|THROWS|WRONG|LATE|TAKER/);
    }
    const { images } = (await (await get('/v2.1/images/detail')).json()) as { images: { id: string }[] };
    expect(images.length).toBeGreaterThan(1);
    for (const image of images) expect(image).toHaveProperty('GOOD:id', image.id);
  });

  it('are counted each time, and logged once by the name that configuration gave them', async () => {
    await get(`/v2.1/images/${PAGE_IMAGE}`);
    const counts = await metric(service, 'glimpse_plugin_faults_total');
    for (const name of ['throws', 'wrong', 'late', 'taker']) {
      const [count] = counts.filter((line) => line.includes(`/${name}.mjs"`));
      expect(Number(count?.split(' ')[1])).toBeGreaterThan(1);
      const lines = linesAboutFaults(service).filter(({ plugin }) => String(plugin).endsWith(`/${name}.mjs`));
      expect(lines).toEqual([expect.objectContaining({ level: 'error', reason: expect.any(String) })]);
    }
    expect(counts.filter((line) => line.includes('good'))).toEqual([]);
  });

  it('are still listed', async () => {
    const { extensions } = (await (await get('/v2.1/extensions')).json()) as { extensions: object[] };
    expect(extensions).toHaveLength(Object.keys(EXTENSIONS).length);
  });
});

describe('an authenticator that fails', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startWith({ 'tokens.mjs': AUTHENTICATOR }, 'authenticator: { use: ./tokens.mjs }\n');
  });
  afterAll(() => service.stop());

  const get = (token: string): Promise<Response> =>
    fetch(`${service.url}/v2.1/images`, { headers: { 'x-auth-token': token } });

  it.each(['rejects', 'throws', 'hangs', 'nonsense', 'half'])(
    'is unavailable when it %s: 503, and never 401',
    async (token) => {
      const response = await get(token);
      expect(response.status).toBe(503);
      expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(await response.text()).not.toMatch(/no such file|tokens\.mjs/);
    },
  );

  it('still accepts other tokens', async () => {
    expect((await get('good')).status).toBe(200);
    const refused = await get('made up');
    expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Example realm="tests"']);
  });

  it('is counted each time and logged once, without the token', async () => {
    for (const token of ['rejects', 'rejects']) await get(token);
    const [count] = await metric(service, 'glimpse_plugin_faults_total');
    expect(Number(count?.split(' ')[1])).toBeGreaterThan(1);
    expect(linesAboutFaults(service)).toHaveLength(1);
    expect(linesAboutFaults(service)[0]).toMatchObject({ reason: 'Error: no such file for ***' });
  });
});

describe('a plugin that cannot be loaded', () => {
  const NEVER = 'await new Promise(() => {});\nexport default {};\n';

  it.each([
    ['never loads', NEVER, /^glimpse: plugin \.\/it\.mjs: .*it did not start within 10000 ms\n$/],
    ['throws', `throw new Error('no licence')`, /^glimpse: plugin \.\/it\.mjs: .*no licence\n$/],
    ['is no program', 'export default {', /^glimpse: plugin \.\/it\.mjs: .+\n$/],
    [
      'has no alias',
      extension('', '() => ({})'),
      /^glimpse: plugin \.\/it\.mjs: what it makes has no text alias\n$/,
    ],
    [
      'has a taken alias',
      extension('OS-DCF', '() => ({})'),
      /^glimpse: plugin \.\/it\.mjs: the alias OS-DCF belongs to another extension\n$/,
    ],
  ])('stops the start with one line when it %s', async (_, module, line) => {
    const cwd = newFolder();
    writeFileSync(join(cwd, 'it.mjs'), module);
    writeFileSync(join(cwd, 'glimpse.yaml'), 'extensions:\n  - use: OS-DCF\n  - use: ./it.mjs\n');
    const settings = { GLIMPSE_CONFIG: 'glimpse.yaml', GLIMPSE_PORT: '0', DATABASE_URL: databaseUrl('none') };
    const { code, stderr } = await glimpse(['serve'], settings, { cwd });
    expect(code).toBe(1);
    expect(stderr).toMatch(line);
  });
});
