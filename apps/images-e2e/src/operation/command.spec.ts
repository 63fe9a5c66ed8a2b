import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Linter } from 'eslint';
import { COMMAND, glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl, query } from '../harness/databases.js';
import { IDENTITIES, newFolder, startBareService, type Service } from '../harness/service.js';

/** A URL on which no PostgreSQL listens. */
const NOWHERE = 'postgresql://glimpse:wonderland@127.0.0.1:1/glimpse';
const ID = '00000000-0000-4000-8000-000000000001';

const started: Service[] = [];
afterEach(async () => {
  for (const service of started.splice(0)) await service.stop();
});

async function start(settings: Record<string, string>, where?: { cwd?: string }): Promise<Service> {
  const service = await startBareService(settings, where);
  started.push(service);
  return service;
}

/** A file in a folder of its own. */
function fileOf(name: string, text: string): string {
  const file = join(newFolder(), name);
  writeFileSync(file, text);
  return file;
}

/** Expects a run to have failed with these lines, without standard output and without a stack trace. */
function expectFailure(
  { code, stdout, stderr }: { code: number; stdout: string; stderr: string },
  ...lines: (string | RegExp)[]
): void {
  const messages = stderr.split('\n').filter((line) => line !== '');
  expect({ messages, stdout, code }).toEqual({
    messages: lines.map((line) =>
      typeof line === 'string' ? line : (expect.stringMatching(line) as unknown),
    ),
    stdout: '',
    code: 1,
  });
}

/** A database that has the schema and no images. */
async function migrated(): Promise<{ database: string; settings: Record<string, string> }> {
  const database = await createDatabase('migrated');
  return { database, settings: { DATABASE_URL: databaseUrl(database) } };
}

function documentOf(id: string, more: object = {}): object {
  return { id, name: 'an image', status: 'active', owner: null, created_at: '2026-01-01T00:00:00Z', ...more };
}

describe('the command', () => {
  it.each([
    [[], /^Usage: glimpse \[options\] \[command\]/],
    [['serve'], /^Usage: glimpse serve /],
    [['migrate'], /^Usage: glimpse migrate /],
    [['import'], /^Usage: glimpse import \[options\] <file>/],
    [['config'], /^Usage: glimpse config \[options\]/],
  ])('prints its usage with %j --help, whatever the settings are', async (args, usage) => {
    const { code, stdout, stderr } = await glimpse([...args, '--help'], { GLIMPSE_PORT: 'wrong' });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(usage);
    if (args.length > 0) return;
    for (const name of ['serve', 'migrate', 'import', 'follow', 'purge', 'config', 'policy']) {
      expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
  });

  it('refuses a Node that is too old with one line', async () => {
    const older = "Object.defineProperty(process.versions, 'node', { value: '18.20.8' })";
    const command = [process.execPath, '--import', `data:text/javascript,${older}`, COMMAND] as const;
    expect(await glimpse(['--version'], {}, { command })).toEqual({
      code: 1,
      stdout: '',
      stderr: 'glimpse: this is Node 18.20.8, and 20.19 is the oldest that is supported\n',
    });
  });

  it.each([
    ['apps/images/bin/glimpse.js', ''],
    ['tools/start.mjs', 'node:child_process node:fs node:path node:url ./parent.mjs'],
    ['tools/parent.mjs', ''],
  ])('lets a Node that is too old read %s', (file, imports) => {
    const text = readFileSync(new URL(`../../../../${file}`, import.meta.url), 'utf8');
    // Node 18 has the syntax of 2022.
    const problems = new Linter().verify(text, { languageOptions: { ecmaVersion: 2022 } });
    expect(problems.filter(({ fatal }) => fatal)).toEqual([]);
    const found = [...text.matchAll(/^import .*'(.*)';$/gm)].map(([, name]) => name);
    expect(found.join(' ')).toBe(imports);
  });

  it('prints its version', async () => {
    expect(await glimpse(['--version'], {})).toEqual({ code: 0, stdout: '0.1.0\n', stderr: '' });
  });

  it.each([
    ['an unknown subcommand', ['swim'], "error: unknown command 'swim'"],
    ['an unknown option', ['--deep'], "error: unknown option '--deep'"],
    ['an unknown option of a subcommand', ['serve', '--deep'], "error: unknown option '--deep'"],
    ['a missing argument', ['import'], "error: missing required argument 'file'"],
    ['an argument too many', ['migrate', 'up'], /^error: too many arguments for 'migrate'/],
  ])('refuses %s and prints its usage', async (_, args, reason) => {
    const { code, stdout, stderr } = await glimpse(args, {});
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    const [first] = stderr.split('\n');
    expect(first).toEqual(typeof reason === 'string' ? reason : expect.stringMatching(reason));
    expect(stderr).toContain('Usage: glimpse');
  });
});

describe('glimpse config', () => {
  it('prints the settings in effect as YAML, with secrets masked', async () => {
    const { code, stdout, stderr } = await glimpse(['config'], {
      DATABASE_URL: `${NOWHERE}?sslpassword=looking-glass`,
      GLIMPSE_CONFIG: fileOf(
        'glimpse.yaml',
        'max_microversion: 2.40\nlog: { level: warn, requests: true }\n',
      ),
      GLIMPSE_LOG_LEVEL: 'debug',
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).not.toMatch(/wonderland|looking-glass/);
    expect(stdout).toContain('max_microversion: "2.40"\n');
    expect(stdout).toContain('log:\n  level: debug\n  requests: true\n');
    expect(stdout).toMatch(
      /^ {2}url: postgresql:\/\/glimpse:\*{3}@127\.0\.0\.1:1\/glimpse\?sslpassword=\*{3}$/m,
    );
  });

  it('prints settings that it reads back as the same', async () => {
    const settings = { GLIMPSE_CONFIG: fileOf('glimpse.yaml', 'port: 9999\nlinks: { project: never }\n') };
    const { stdout } = await glimpse(['config'], settings);
    const again = await glimpse(['config'], { GLIMPSE_CONFIG: fileOf('again.yaml', stdout) });
    expect(again).toEqual({ code: 0, stdout, stderr: '' });
  });

  it('with --check prints nothing where serve would start, and creates nothing', async () => {
    const folder = newFolder();
    const checked = await glimpse(['config', '--check'], {}, { cwd: folder });
    expect(checked).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each([
    [
      'a missing policy file',
      { GLIMPSE_POLICY_FILE: '/nowhere/policy.yaml' },
      /^glimpse: policy.file \/nowhere\/policy/,
    ],
    [
      'a missing plugin',
      { GLIMPSE_CONFIG: fileOf('a.yaml', 'extensions: [{ use: ./away.js }]') },
      /away\.js/,
    ],
    [
      'a missing source',
      {
        ...{ GLIMPSE_SOURCE: './away.js', OS_AUTH_URL: 'http://keystone.example.com' },
        ...{ OS_USERNAME: 'glimpse', OS_PASSWORD: 'secret', OS_PROJECT_NAME: 'service' },
      },
      /^glimpse: plugin \.\/away\.js: it is neither built in \(glance\) nor/,
    ],
    [
      'folders of policy files that are not a list',
      { GLIMPSE_CONFIG: fileOf('b.yaml', 'policy: { dirs: /etc/policy.d }') },
      /^glimpse: policy\.dirs in .*b\.yaml = "\/etc\/policy\.d" is not allowed: it must be a list of folders/,
    ],
    [
      'a file without identities',
      { GLIMPSE_IDENTITIES: fileOf('identities.yaml', 'token: demo') },
      /^glimpse: GLIMPSE_IDENTITIES = ".*identities\.yaml": identity 1 must be a mapping$/m,
    ],
    [
      'incomplete credentials',
      { OS_AUTH_URL: 'http://keystone.example.com', OS_USERNAME: 'glimpse' },
      /OS_PASSWORD/,
    ],
  ])('with --check fails for %s', async (_, settings: Record<string, string>, line) => {
    const { code, stdout, stderr } = await glimpse(['config', '--check'], settings);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(line);
    expect(stderr).not.toContain('    at ');
  });
});

describe('wrong settings', () => {
  const WRONG = {
    GLIMPSE_PORT: '65536',
    GLIMPSE_CONFIG: fileOf('glimpse.yaml', 'log: { level: loud }\ncolour: red\n'),
  };
  for (const args of [['serve'], ['import', '-'], ['migrate'], ['config']]) {
    it(`stop ${args[0]} with each key, its value and what is allowed`, async () => {
      const { code, stdout, stderr } = await glimpse(args, WRONG);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr.trimEnd().split('\n').sort()).toEqual([
        'glimpse: GLIMPSE_PORT = 65536 is not allowed: it must be a whole number from 0 to 65535 or off'.replace(
          '"65536"',
          '65536',
        ),
        expect.stringMatching(
          /^glimpse: colour in .*glimpse\.yaml is not a known key: known are mode, host, /,
        ),
        expect.stringMatching(
          /^glimpse: log\.level in .*glimpse\.yaml = "loud" is not allowed: it must be one of trace, debug, /,
        ),
      ]);
    });
  }

  it('show no password', async () => {
    expectFailure(
      await glimpse(['serve'], { DATABASE_URL: 'mysql://glimpse:wonderland@127.0.0.1/glimpse' }),
      'glimpse: DATABASE_URL = *** is not allowed: it must be a postgresql:// URL',
    );
  });

  it('of production are named all at once', async () => {
    expectFailure(
      await glimpse(['serve'], { GLIMPSE_MODE: 'production' }),
      /^glimpse: DATABASE_URL is missing/,
      /^glimpse: GLIMPSE_PUBLIC_URL is missing/,
      /^glimpse: GLIMPSE_IMAGE_URL is missing/,
      /^glimpse: authenticator = development is not allowed in production/,
    );
  });

  it('include an impossible data folder', async () => {
    const file = fileOf('file', '');
    const line = /^glimpse: .*GLIMPSE_DATA_DIR/;
    for (const command of ['serve', 'migrate']) {
      const { stderr, ...outcome } = await glimpse([command], { GLIMPSE_DATA_DIR: file });
      expectFailure({ stderr, ...outcome }, line);
      expect(stderr).toContain(file);
    }
  });

  it('include an address that this machine does not have', async () => {
    const { settings } = await migrated();
    const { code, stderr } = await glimpse(['serve'], {
      ...settings,
      GLIMPSE_DATA_DIR: newFolder(),
      GLIMPSE_IDENTITIES: fileOf('identities.json', '{}'),
      GLIMPSE_HOST: '192.0.2.1',
    });
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /^glimpse: cannot listen on 192\.0\.2\.1 port 8774: .*choose another with GLIMPSE_HOST$/m,
    );
    expect(stderr).not.toMatch(/^ {4}at /m);
  });
});

describe('glimpse import', () => {
  it('reads a file and prints its counts; a second run changes nothing', async () => {
    const { database, settings } = await migrated();
    const file = fileOf(
      'images.json',
      JSON.stringify({
        images: [documentOf(ID)],
        members: { [ID]: [{ member_id: 'another-project', status: 'accepted' }] },
      }),
    );
    expect(await glimpse(['import', file], settings)).toEqual({
      code: 0,
      stdout: '1 images (1 added, 0 changed, 0 unchanged), 1 members, 0 bad\n',
      stderr: '',
    });
    const before = await query(database, 'SELECT * FROM images');
    expect(await glimpse(['import', file], settings)).toEqual({
      code: 0,
      stdout: '1 images (0 added, 0 changed, 1 unchanged), 1 members, 0 bad\n',
      stderr: '',
    });
    expect(await query(database, 'SELECT * FROM images')).toEqual(before);
  });

  it('names bad documents by their position, keeps the good ones, and fails', async () => {
    const { database, settings } = await migrated();
    const input = JSON.stringify([
      documentOf(ID, { name: 'first' }),
      documentOf('no-uuid'),
      documentOf(ID.replace(/1$/, '3'), { name: 'third' }),
      documentOf(ID.replace(/1$/, '4'), { min_disk: -1 }),
    ]);
    const { code, stdout, stderr } = await glimpse(['import', '-'], settings, { input });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: '2 images (2 added, 0 changed, 0 unchanged), 0 members, 2 bad\n',
    });
    expect(stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^image 2: id is "no-uuid"; it must be /),
      expect.stringMatching(/^image 4: min_disk is -1; it must be /),
    ]);
    expect(await query(database, 'SELECT name FROM images ORDER BY name')).toEqual([
      { name: 'first' },
      { name: 'third' },
    ]);
  });

  it('imports no image that lacks an owner, unless every project sees it anyway', async () => {
    const { database, settings } = await migrated();
    const images = ['private', 'shared', 'public', 'community', undefined].map((visibility, at) =>
      documentOf(ID.replace(/1$/, String(at)), { visibility, owner: undefined }),
    );
    const ownerless = documentOf(ID.replace(/1$/, '9'), { visibility: 'private', owner: null });
    const input = JSON.stringify([...images, ownerless]);
    const { code, stdout, stderr } = await glimpse(['import', '-'], settings, { input });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: '3 images (3 added, 0 changed, 0 unchanged), 0 members, 3 bad\n',
    });
    expect(stderr.trimEnd().split('\n')).toEqual(
      [1, 2, 5].map((at) => expect.stringMatching(new RegExp(`^image ${at}: owner is missing; it must be `))),
    );
    expect(await query(database, 'SELECT visibility FROM images ORDER BY id')).toEqual(
      ['public', 'community', 'private'].map((visibility) => ({ visibility })),
    );
  });

  it('reports that a page of a larger list is not the whole, and the number of its images', async () => {
    const { settings } = await migrated();
    const input = JSON.stringify({ images: [documentOf(ID)], next: `/v2/images?marker=${ID}` });
    const { code, stdout, stderr } = await glimpse(['import', '-'], settings, { input });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: '1 images (1 added, 0 changed, 0 unchanged), 0 members, 1 bad\n',
    });
    expect(stderr).toMatch(/^the list continues: these are the first 1 images only, .*docs\/import\.md/);
  });

  it('reports once that documents are of another kind than those that are imported', async () => {
    const { settings } = await migrated();
    const row = { ID, Name: 'debian', Status: 'active' };
    const mistaken = {
      'openstack image list': [row, row],
      'openstack image show': documentOf(ID, { properties: { os_hidden: false } }),
      'Compute API': { images: [{ id: ID, links: [], metadata: {} }] },
    };
    for (const [name, document] of Object.entries(mistaken)) {
      const { code, stderr } = await glimpse(['import', '-'], settings, { input: JSON.stringify(document) });
      expect([name, code, stderr.split('GET /v2/images').length - 1]).toEqual([name, 1, 1]);
      expect(stderr).toContain(name);
    }
  });

  it('lets no character of a document control a terminal or reorder its text', async () => {
    const { settings } = await migrated();
    const odd = '\u001b[31m\u009b2J\u202e\u2066\u007f';
    const input = JSON.stringify({
      images: [documentOf(odd), documentOf(ID, { status: odd }), documentOf(ID, { [odd]: 1 })],
      members: { [odd]: [] },
      [odd]: 1,
    });
    const broken = `[{"id": "${odd.replace('\u001b', '')}" "x"`;
    const refused = await glimpse(['import', '-'], settings, { input });
    const unreadable = await glimpse(['import', '-'], settings, { input: broken });
    expect(refused.stderr).toContain(String.raw`\u202e`);
    expect(refused.stderr + unreadable.stderr).toMatch(/^(?:[^\p{Cc}\p{Cf}]|\n)+$/u);
  });

  it('replaces a later change only when forced to', async () => {
    const { database, settings } = await migrated();
    const at = (name: string, day: string): { input: string } => ({
      input: JSON.stringify([documentOf(ID, { name, updated_at: `2026-01-${day}T00:00:00Z` })]),
    });
    await glimpse(['import', '-'], settings, at('later', '03'));
    const kept = await glimpse(['import', '-'], settings, at('earlier', '02'));
    expect(kept.stdout).toBe('1 images (0 added, 0 changed, 1 unchanged), 0 members, 0 bad\n');
    expect(await query(database, 'SELECT name FROM images')).toEqual([{ name: 'later' }]);
    const forced = await glimpse(['import', '--force', '-'], settings, at('earlier', '02'));
    expect(forced.stdout).toBe('1 images (0 added, 1 changed, 0 unchanged), 0 members, 0 bad\n');
    expect(await query(database, 'SELECT name FROM images')).toEqual([{ name: 'earlier' }]);
  });

  it('reports in one line that a file is missing or is a directory, before it connects to a database', async () => {
    const folder = newFolder();
    const settings = { DATABASE_URL: NOWHERE };
    expectFailure(
      await glimpse(['import', join(folder, 'none.json')], settings),
      /^glimpse: ".*none\.json" cannot be read: ENOENT: no such file/,
    );
    expectFailure(
      await glimpse(['import', folder], settings),
      `glimpse: "${folder}" cannot be read: it is a directory`,
    );
  });

  it.each([
    ['is no JSON', 'images:\n  - id: 1\n', /^the input is unreadable: byte 0: expected /],
    ['is empty', '', /^the input is unreadable: byte 0: the input is empty$/],
    ['ends too early', '[{"id": ', /^the input is unreadable: byte 8: the input ends in the value/],
  ])('reports in one line where an input %s', async (_, input, line) => {
    const { settings } = await migrated();
    const { code, stdout, stderr } = await glimpse(['import', '-'], settings, { input });
    expect({ code, stdout }).toEqual({
      code: 1,
      stdout: '0 images (0 added, 0 changed, 0 unchanged), 0 members, 1 bad\n',
    });
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringMatching(line)]);
  });
});

describe('a database', () => {
  const NEED_THE_SCHEMA = [
    ['import', '-'],
    ['purge', '--older-than', '30d'],
  ];
  const NEED_A_DATABASE = [['migrate'], ...NEED_THE_SCHEMA];
  for (const args of NEED_A_DATABASE) {
    it(`that cannot be reached stops ${args[0]} with one line that names DATABASE_URL`, async () => {
      const { code, stdout, stderr } = await glimpse(args, { DATABASE_URL: NOWHERE });
      expectFailure(
        { code, stdout, stderr },
        /^glimpse: the database is unavailable: .*ECONNREFUSED.*DATABASE_URL/,
      );
      expect(stderr).not.toContain('wonderland');
    });

    it(`that does not exist stops ${args[0]} with one line that names DATABASE_URL`, async () => {
      const settings = { DATABASE_URL: databaseUrl('no_such_database') };
      expectFailure(
        await glimpse(args, settings),
        /^glimpse: .*"no_such_database" does not exist.*DATABASE_URL/,
      );
    });
  }

  it.each(NEED_A_DATABASE.map((args) => [args]))(
    'that requires a password stops %j, whose URL has none',
    async (args) => {
      const url = new URL(databaseUrl('postgres'));
      url.password = '';
      expectFailure(
        await glimpse(args, { DATABASE_URL: url.toString() }),
        /^glimpse: the database is unavailable: the server requires a password, and the URL has none; check DATABASE_URL/,
      );
    },
  );

  it.each(['256.1.1.1', '[::]', '*'])(
    'is not blamed for the host %s, which nothing listens on',
    async (host) => {
      const identities = join(newFolder(), 'identities.json');
      writeFileSync(identities, JSON.stringify({ 'a-token': IDENTITIES['demo'] }));
      const settings = { GLIMPSE_HOST: host, GLIMPSE_PORT: '0', GLIMPSE_IDENTITIES: identities };
      const { code, stderr } = await glimpse(['serve'], { ...settings, DATABASE_URL: NOWHERE });
      expect(code).toBe(1);
      const ours = stderr.split('\n').filter((line) => line.startsWith('glimpse: '));
      expect(ours).toEqual([
        expect.stringMatching(/^glimpse: cannot listen on .*; choose another with GLIMPSE_HOST$/),
      ]);
    },
  );

  it('is not blamed for a Keystone that refuses connections', async () => {
    const settings = {
      DATABASE_URL: databaseUrl(await createDatabase('migrated')),
      GLIMPSE_SOURCE: 'glance',
      OS_AUTH_URL: 'http://127.0.0.1:1/v3',
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: 'wonderland',
      OS_PROJECT_NAME: 'service',
    };
    const { code, stderr } = await glimpse(['follow', '--check'], settings);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^glimpse: .*Keystone.*ECONNREFUSED.*OS_AUTH_URL/m);
    expect(stderr).not.toMatch(/DATABASE_URL|^glimpse: +at /m);
  });

  it('is not blamed for a Glance that refuses connections', async () => {
    const keystone = await FakeKeystone.start();
    try {
      keystone.addUser({ name: 'glimpse', password: 'wonderland', roles: ['admin'] });
      const settings = {
        DATABASE_URL: databaseUrl(await createDatabase('migrated')),
        GLIMPSE_SOURCE: 'glance',
        GLIMPSE_GLANCE_URL: 'http://127.0.0.1:1',
        OS_AUTH_URL: keystone.url,
        OS_USERNAME: 'glimpse',
        OS_PASSWORD: 'wonderland',
        OS_PROJECT_NAME: 'service',
      };
      const { code, stderr } = await glimpse(['follow', '--check'], settings);
      expect(code).toBe(1);
      expect(stderr).toMatch(/^glimpse: the source is unavailable: ECONNREFUSED; .*GLIMPSE_GLANCE_URL/m);
      expect(stderr).not.toMatch(/DATABASE_URL|^glimpse: +at /m);
    } finally {
      await keystone.close();
    }
  });

  it('that never responds stops each command with one line', async () => {
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    try {
      const settings = { DATABASE_URL: `postgresql://glimpse@127.0.0.1:${port}/glimpse` };
      for (const outcome of await Promise.all(NEED_A_DATABASE.map((args) => glimpse(args, settings)))) {
        expectFailure(outcome, /^glimpse: the database is unavailable: .*time.*DATABASE_URL/);
      }
    } finally {
      silent.close();
    }
  });

  it.each(NEED_THE_SCHEMA.map((args) => [args]))(
    'without the schema makes %j name the command to run',
    async (args) => {
      const settings = { DATABASE_URL: databaseUrl(await createDatabase('empty')) };
      expectFailure(
        await glimpse(args, settings, { input: '[]' }),
        /^glimpse: the database lacks \d{14}_\w+.*: run glimpse migrate first$/,
      );
    },
  );

  it('is migrated once', async () => {
    const settings = { DATABASE_URL: databaseUrl(await createDatabase('empty')) };
    const { code, stdout, stderr } = await glimpse(['migrate'], settings);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^(applied \d{14}_\w+\n)+$/);
    expect(await glimpse(['migrate'], settings)).toEqual({ code: 0, stdout: 'nothing to do\n', stderr: '' });
  });

  it('that has the table of a migration already is left as it is, until it is recorded as applied', async () => {
    const database = await createDatabase('migrated');
    // What the mode of TLS prefers is decided without a word.
    const url = databaseUrl(database).replace('sslmode=disable', 'sslmode=prefer');
    const settings = { DATABASE_URL: url };
    const first = `(SELECT min(migration_name) FROM _prisma_migrations)`;
    const [row] = await query(
      database,
      `DELETE FROM _prisma_migrations WHERE migration_name = ${first} RETURNING *`,
    );
    const name = row!['migration_name'] as string;
    expectFailure(
      await glimpse(['migrate'], settings),
      new RegExp(`^glimpse: .* already exists.*run glimpse migrate --mark-applied ${name}$`),
    );
    expect(await glimpse(['migrate', '--mark-applied', name], settings)).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(await glimpse(['migrate'], settings)).toEqual({ code: 0, stdout: 'nothing to do\n', stderr: '' });
  });

  it('without the schema is waited for: serve is live at once, and ready after glimpse migrate', async () => {
    const settings = { DATABASE_URL: databaseUrl(await createDatabase('empty')) };
    const service = await start({ ...settings, GLIMPSE_DATA_DIR: newFolder() });
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    await until(() => service.log().includes('"event":"schema-behind"'));
    const unready = await fetch(`${service.url}/readyz`);
    expect(unready.status).toBe(503);
    expect(await unready.json()).toMatchObject({ details: { schema: { status: 'down' } } });

    expect((await glimpse(['migrate'], settings)).code).toBe(0);
    await until(async () => (await fetch(`${service.url}/readyz`)).status === 200, 5_000);
    // Once, and at most once more for each migration that was applied while others were missing.
    const messages = service.log().match(/"event":"schema-behind","missing":\[.*?\]/g)!;
    expect(new Set(messages).size).toBe(messages.length);
  });

  it('that cannot be reached is waited for, too', async () => {
    const service = await start({ DATABASE_URL: NOWHERE, GLIMPSE_DATA_DIR: newFolder() });
    expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    expect((await fetch(`${service.url}/readyz`)).status).toBe(503);
    const unhealthy = await fetch(`${service.url}/healthz`);
    expect(unhealthy.status).toBe(503);
    expect(await unhealthy.text()).not.toMatch(/127\.0\.0\.1|ECONNREFUSED|wonderland/);
    expect(service.log()).not.toContain('wonderland');
    expect(await service.stop()).toBe(0);
  });
});

/** A plugin that needs no package. */
const PLUGIN = `
export default {
  kind: 'image-extension',
  contract: CONTRACT,
  create: () => ({
    alias: 'OWNER', name: 'Owner', namespace: 'https://example.com/owner', updated: '2026-01-01T00:00:00Z',
    description: 'Adds the owning project.',
    attributes: (image) => ({ 'OWNER:project': image.owner }),
  }),
};
`;

/** A folder with a plugin, and a settings file that uses it. */
function pluginFolder(use: string, contract = 1): { cwd: string; settings: Record<string, string> } {
  const cwd = newFolder();
  const plugin = PLUGIN.replace('CONTRACT', String(contract));
  writeFileSync(join(cwd, 'plugin.mjs'), plugin);
  const folder = join(cwd, 'node_modules/@example/owner');
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, 'package.json'),
    '{"name": "@example/owner", "type": "module", "exports": "./it.js"}',
  );
  writeFileSync(join(folder, 'it.js'), plugin);
  writeFileSync(join(cwd, 'glimpse.yaml'), `extensions:\n  - use: ${use}\n`);
  const settings = { GLIMPSE_CONFIG: 'glimpse.yaml', GLIMPSE_PORT: '0', DATABASE_URL: NOWHERE };
  return { cwd, settings };
}

describe('a plugin', () => {
  it.each(['./plugin.mjs', '"@example/owner"'])(
    'is found from where the command runs, as %s, and adds its attribute',
    async (use) => {
      const { cwd, settings } = pluginFolder(use);
      const service = await start(
        { ...settings, DATABASE_URL: databaseUrl(await createDatabase('contract')) },
        { cwd },
      );
      await until(async () => (await fetch(`${service.url}/readyz`)).ok);
      const [, token] = /^ {2}admin +(\S+)/m.exec(service.stdout())!;
      const get = async (path: string): Promise<unknown> =>
        (await fetch(service.url + path, { headers: { 'x-auth-token': token! } })).json();
      const { images } = (await get('/v2.1/images/detail?limit=1')) as { images: object[] };
      expect(images).toEqual([expect.objectContaining({ 'OWNER:project': expect.anything() })]);
      expect(await get('/v2.1/extensions/OWNER')).toMatchObject({
        extension: { alias: 'OWNER', name: 'Owner' },
      });
    },
  );

  it('that is not there stops the start with one line', async () => {
    const { cwd, settings } = pluginFolder('"@example/none"');
    expectFailure(
      await glimpse(['serve'], settings, { cwd }),
      /^glimpse: plugin @example\/none: it is neither built in \(OS-EXT-IMG-SIZE, OS-DCF\) nor a module that loads: /,
    );
  });

  it('with a wrong option stops the start with one line', async () => {
    const { cwd, settings } = pluginFolder('OS-EXT-IMG-SIZE\n    options: { as: float }');
    expectFailure(
      await glimpse(['serve'], settings, { cwd }),
      'glimpse: plugin OS-EXT-IMG-SIZE: option as = "float" is not allowed: it must be one of integer, string',
    );
  });

  it('for another version of the contract stops the start with one line', async () => {
    const { cwd, settings } = pluginFolder('./plugin.mjs', 2);
    expectFailure(
      await glimpse(['serve'], settings, { cwd }),
      'glimpse: plugin ./plugin.mjs: it was written for version 2 of the contract, this is version 1',
    );
  });
});
