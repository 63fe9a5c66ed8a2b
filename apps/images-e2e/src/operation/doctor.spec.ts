import { randomBytes, randomUUID } from 'node:crypto';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { HOSTILE, createDatabase, databaseUrl, query } from '../harness/databases.js';
import { newFolder, startBareService } from '../harness/service.js';

const PASSWORD = 'a-very-secret-password';

const suite = HOSTILE ? describe.skip : describe;

suite('glimpse doctor', () => {
  let keystone: FakeKeystone;
  let settings: Record<string, string>;

  /** Its exit code, and its lines by state. */
  async function doctor(more: Record<string, string> = {}): Promise<{ code: number; lines: string[] }> {
    const { code, stdout, stderr } = await glimpse(['doctor'], { ...settings, ...more });
    expect(stderr).toBe('');
    expect(stdout).not.toContain(PASSWORD);
    return { code, lines: stdout.trim().split('\n') };
  }
  const states = (lines: readonly string[]): Set<string> => new Set(lines.map((line) => line.split(' ')[0]!));

  /** A role that only has the rights that it is given. @returns the URL with it */
  async function roleIn(database: string, ...rights: string[]): Promise<{ role: string; url: string }> {
    const role = `role_${randomBytes(4).toString('hex')}`;
    await query(database, `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    for (const right of rights) await query(database, `GRANT ${right} TO ${role}`);
    const url = new URL(databaseUrl(database));
    [url.username, url.password] = [role, PASSWORD];
    return { role, url: url.toString() };
  }

  beforeAll(async () => {
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'glimpse', password: PASSWORD, roles: ['service'] });
    keystone.addUser({ name: 'mirror', password: PASSWORD, roles: ['service', 'admin'] });
    keystone.addUser({ name: 'powerless', password: PASSWORD, roles: ['member'] });
    settings = {
      DATABASE_URL: databaseUrl(await createDatabase('contract')),
      OS_AUTH_URL: `${keystone.url}/v3`,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: PASSWORD,
      OS_PROJECT_NAME: 'service',
      GLIMPSE_DATA_DIR: newFolder(),
    };
  });
  afterAll(() => keystone.close());

  it('prints a line for each test, and ends with 0 where nothing is wrong', async () => {
    const { code, lines } = await doctor();
    expect({ code, states: states(lines) }).toEqual({ code: 0, states: new Set(['ok', 'skipped']) });
    expect(lines.map((line) => /^\w+ +([\w ]+):/.exec(line)![1])).toEqual([
      'settings',
      'database',
      'rights',
      'migrations',
      'locale',
      'connections',
      'database clock',
      'Keystone',
      'clock of Keystone',
      'source',
      'store',
      'space',
    ]);
  });

  it('reports a store that is not that of the catalogue, and one that cannot be written', async () => {
    const database = await createDatabase('contract');
    const [own, another, file] = [newFolder(), newFolder(), join(newFolder(), 'file')];
    const storeOf = async (path: string): Promise<{ code: number; line: string }> => {
      const where = { DATABASE_URL: databaseUrl(database), GLIMPSE_DATA_OPTIONS_PATH: path };
      const { code, lines } = await doctor(where);
      return { code, line: lines.find((each) => each.includes(' store: '))! };
    };
    await query(database, 'INSERT INTO catalogue_id (id) VALUES (gen_random_uuid())');
    const [{ id }] = (await query(database, 'SELECT id FROM catalogue_id')) as [{ id: string }];
    writeFileSync(join(own, 'catalogue-id'), id);
    writeFileSync(join(another, 'catalogue-id'), randomUUID());
    writeFileSync(file, '');
    expect(await storeOf(own)).toEqual({
      code: 0,
      line: expect.stringMatching(/^ok .*written, read and deleted/),
    });
    expect(readdirSync(own)).toEqual(['catalogue-id']);
    expect(await storeOf(another)).toEqual({
      code: 1,
      line: expect.stringMatching(/^failed .*not the one that this catalogue has used before/),
    });
    expect(await storeOf(file)).toEqual({ code: 1, line: expect.stringMatching(/^failed .*ENOTDIR/) });
  });

  it('tests nothing with settings with which serve would not start', async () => {
    const { code, lines } = await doctor({ GLIMPSE_POLICY_FILE: '/no/such/file' });
    expect({ code, lines }).toEqual({
      code: 1,
      lines: [expect.stringMatching(/^failed {3}settings: .*\/no\/such\/file/)],
    });
  });

  it('reports a database that is unreachable, and the user of a wrong password, without the password', async () => {
    const url = new URL(settings['DATABASE_URL']!);
    url.password = PASSWORD;
    for (const wrong of [`postgresql://glimpse:${PASSWORD}@127.0.0.1:1/none`, url.toString()]) {
      const { code, lines } = await doctor({ DATABASE_URL: wrong });
      expect(code).toBe(1);
      expect(lines).toContainEqual(expect.stringMatching(/^failed {3}database: .*check DATABASE_URL/));
    }
  });

  it('reports missing migrations, and a database that the role cannot migrate', async () => {
    const database = await createDatabase('empty');
    const empty = await doctor({ DATABASE_URL: databaseUrl(database) });
    expect(empty.code).toBe(1);
    expect(empty.lines).toContainEqual(
      expect.stringMatching(/^failed {3}migrations: .*run glimpse migrate$/),
    );
    const { role, url } = await roleIn(database);
    expect((await doctor({ DATABASE_URL: url })).lines).toContainEqual(
      expect.stringContaining(`GRANT CREATE ON SCHEMA public TO ${role}`),
    );
  });

  it('names the statements that give a role its rights, which serve logs, too', async () => {
    const database = await createDatabase('migrated');
    const { url } = await roleIn(database, 'SELECT ON ALL TABLES IN SCHEMA public');
    const service = await startBareService({ ...settings, DATABASE_URL: url, GLIMPSE_MODE: 'development' });
    await until(() => service.log().includes('"event":"rights-missing"'));
    expect(service.log()).toContain('GRANT SELECT, INSERT, UPDATE, DELETE ON public.');
    await service.stop();

    const { code, lines } = await doctor({ DATABASE_URL: url });
    expect(code).toBe(1);
    const [, statements] = /^failed {3}rights: the role lacks rights: (.*)$/m.exec(lines.join('\n'))!;
    expect(statements).toMatch(/^GRANT SELECT, INSERT, UPDATE, DELETE ON .*; GRANT USAGE ON SEQUENCE .*$/);
    for (const statement of statements!.split('; ')) await query(database, statement);
    expect((await doctor({ DATABASE_URL: url })).code).toBe(0);
  });

  it('warns of a locale in which names beyond ASCII are not found', async () => {
    const database = `suite_${randomBytes(6).toString('hex')}`;
    await query(
      'postgres',
      `CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    const url = databaseUrl(database);
    expect((await glimpse(['migrate'], { DATABASE_URL: url })).code).toBe(0);
    const { code, lines } = await doctor({ DATABASE_URL: url });
    expect(code).toBe(0);
    expect(lines).toContainEqual(expect.stringMatching(/^warning {2}locale: .*LC_CTYPE 'C\.UTF-8'/));
  });

  it('reports credentials that Keystone refuses, and roles that may not validate tokens', async () => {
    const refused = await doctor({ OS_PASSWORD: 'wrong' });
    expect(refused.code).toBe(1);
    expect(refused.lines).toContainEqual(
      expect.stringMatching(/^failed {3}Keystone: .*check OS_AUTH_URL, OS_USERNAME/),
    );
    const powerless = await doctor({ OS_USERNAME: 'powerless' });
    expect(powerless.code).toBe(1);
    expect(powerless.lines).toContainEqual(
      expect.stringMatching(
        /^failed {3}Keystone: the roles of its user are member, .*assign the role service/,
      ),
    );
  });

  it('reports a Glance that is unreachable', async () => {
    const { code, lines } = await doctor({
      DATABASE_URL: databaseUrl(await createDatabase('migrated')),
      OS_USERNAME: 'mirror',
      GLIMPSE_SOURCE: 'glance',
      GLIMPSE_GLANCE_URL: 'http://127.0.0.1:1',
    });
    expect(code).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(/^failed {3}source: .*check GLIMPSE_GLANCE_URL/));
  });
});
