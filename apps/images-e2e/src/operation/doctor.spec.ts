import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { FakeKeystone } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { FakeGlance } from '@glimpse/glance/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { HOSTILE, createDatabase, databaseUrl, query } from '../harness/databases.js';
import { openGlance } from '../harness/open-glance.js';
import { newFolder, startBareService, type Service } from '../harness/service.js';

const PASSWORD = 'a-very-secret-password';

const suite = HOSTILE ? describe.skip : describe;
const WHY_NOT = HOSTILE ? ' (skipped: the doctor reports the settings of that PostgreSQL)' : '';

suite(`glimpse doctor${WHY_NOT}`, () => {
  let keystone: FakeKeystone;
  let glance: FakeGlance;
  let front: Server;
  let settings: Record<string, string>;
  /** Those of a mirror, and those of the user whose token is sent beside a caller's. */
  let mirror: Record<string, string>;
  let serviceUser: Record<string, string>;

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

  /** A database in which names beyond ASCII are not found. @returns its URL */
  async function databaseOfAscii(): Promise<string> {
    const database = `suite_${randomBytes(6).toString('hex')}`;
    await query(
      'postgres',
      `CREATE DATABASE ${database} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'`,
    );
    const url = databaseUrl(database);
    expect((await glimpse(['migrate'], { DATABASE_URL: url })).code).toBe(0);
    return url;
  }

  /** What a service logs of its checks, once they have ended, as the doctor prints it. */
  async function checksOf({ log }: Service): Promise<string[]> {
    await until(() => log().includes('"event":"checks-ended"'), 30_000);
    const events = log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, string>);
    const findings = events.filter(({ event }) => event === 'check-finding');
    expect(events.find(({ event }) => event === 'checks-ended')).toMatchObject({ findings: findings.length });
    expect(findings.every(({ level }) => level === 'warn')).toBe(true);
    return findings.map(({ state, subject, text }) => `${state!.padEnd(8)} ${subject}: ${text}`);
  }

  beforeAll(async () => {
    glance = await FakeGlance.start();
    front = openGlance(glance).listen(0, '127.0.0.1');
    await once(front, 'listening');
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'glimpse', password: PASSWORD, roles: ['service'] });
    keystone.addUser({ name: 'mirror', password: PASSWORD, roles: ['service', 'admin'] });
    keystone.addUser({ name: 'beside', password: PASSWORD, roles: ['service'] });
    keystone.addUser({ name: 'mighty', password: PASSWORD, roles: ['service', 'member'] });
    keystone.addUser({ name: 'powerless', password: PASSWORD, roles: ['member'] });
    settings = {
      DATABASE_URL: databaseUrl(await createDatabase('contract')),
      OS_AUTH_URL: `${keystone.url}/v3`,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: PASSWORD,
      OS_PROJECT_NAME: 'service',
      GLIMPSE_DATA_DIR: newFolder(),
    };
    mirror = {
      DATABASE_URL: databaseUrl(await createDatabase('migrated')),
      OS_USERNAME: 'mirror',
      GLIMPSE_SOURCE: 'glance',
      GLIMPSE_GLANCE_URL: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
      GLIMPSE_POLICY_DEFAULTS: 'legacy',
    };
    serviceUser = {
      GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME: 'beside',
      GLIMPSE_KEYSTONE_SERVICE_USER_PASSWORD: PASSWORD,
    };
  }, 60_000);
  afterAll(async () => {
    await keystone.close();
    await glance.close();
    front.close();
  });

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

  it('names the statements that give a role its rights, as serve does in its log', async () => {
    const database = await createDatabase('migrated');
    const { url } = await roleIn(database, 'SELECT ON ALL TABLES IN SCHEMA public');
    const { code, lines } = await doctor({ DATABASE_URL: url });
    expect(code).toBe(1);
    const service = await startBareService({ ...settings, DATABASE_URL: url, GLIMPSE_DATA_DIR: newFolder() });
    expect(await checksOf(service)).toEqual(lines.filter((line) => line.startsWith('failed   rights: ')));
    await service.stop();
    const [, statements] = /^failed {3}rights: the role lacks rights: (.*)$/m.exec(lines.join('\n'))!;
    expect(statements).toMatch(/^GRANT SELECT, INSERT, UPDATE, DELETE ON .*; GRANT USAGE ON SEQUENCE .*$/);
    for (const statement of statements!.split('; ')) await query(database, statement);
    expect((await doctor({ DATABASE_URL: url })).code).toBe(0);
  });

  it('warns of a locale in which names beyond ASCII are not found', async () => {
    const { code, lines } = await doctor({ DATABASE_URL: await databaseOfAscii() });
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
    const { code, lines } = await doctor({ ...mirror, GLIMPSE_GLANCE_URL: 'http://127.0.0.1:1' });
    expect(code).toBe(1);
    expect(lines).toContainEqual(expect.stringMatching(/^failed {3}source: .*check GLIMPSE_GLANCE_URL/));
  });

  it('finds nothing wrong with a Glance that shows the service everything, accepts changes, and has this policy', async () => {
    const { code, lines } = await doctor({ ...mirror, ...serviceUser });
    expect({ code, states: states(lines) }).toEqual({ code: 0, states: new Set(['ok', 'skipped']) });
    expect(lines.slice(-5)).toEqual([
      expect.stringMatching(/^ok +clock of Keystone: /),
      'ok       service user: its only role is service',
      'ok       source: it shows the service every image',
      expect.stringMatching(/^ok +clock of Glance: /),
      expect.stringMatching(/^skipped +store: /),
    ]);
  }, 60_000);

  it('reports that Glance shows the service a part of the images, and that it has another policy', async () => {
    const partial = await doctor({ ...mirror, OS_USERNAME: 'glimpse' });
    expect(partial.code).toBe(1);
    expect(partial.lines).toContainEqual(
      expect.stringMatching(/^failed {3}source: its user lacks the role admin .*; see docs\/glance\.md$/),
    );
    const differing = await doctor({ ...mirror, GLIMPSE_POLICY_DEFAULTS: 'current' });
    expect(differing.code).toBe(1);
    expect(differing.lines).toContainEqual(
      expect.stringMatching(/^failed {3}source: the source lists images .*set policy\.defaults = legacy/),
    );
  }, 60_000);

  describe('makes the checks that serve makes at its start, which', () => {
    let service: Service | undefined;
    afterEach(async () => {
      glance.configure({ clockAhead: 0 });
      await service?.stop();
    }, 30_000);

    it('find nothing where nothing is wrong', async () => {
      service = await startBareService(settings);
      expect(await checksOf(service)).toEqual([]);
    }, 60_000);

    it('log each finding once, as the doctor prints it', async () => {
      glance.configure({ clockAhead: 3_600_000 });
      const wrong = {
        ...{ ...mirror, ...serviceUser, GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME: 'mighty' },
        DATABASE_URL: await databaseOfAscii(),
        GLIMPSE_DATABASE_POOL: '1000',
        GLIMPSE_POLICY_DEFAULTS: 'current',
      };
      // The clock of Glance has whole seconds.
      const comparable = (lines: readonly string[]): string[] =>
        lines.map((line) => line.replace(/ \d+\.\d s /, ' N s ')).sort();
      service = await startBareService({ ...settings, ...wrong });
      const logged = await checksOf(service);
      expect(service.log()).not.toContain(PASSWORD);
      const { lines } = await doctor(wrong);
      const found = lines.filter((line) => /^(failed|warning) /.test(line));
      expect(comparable(logged)).toEqual(comparable(found));
      expect(logged.map((line) => /^(\w+ +[\w ]+):/.exec(line)![1])).toEqual([
        'warning  locale',
        'failed   connections',
        'warning  service user',
        'failed   source',
        'failed   source',
        'warning  clock of Glance',
      ]);
    }, 60_000);

    it('are no errors where they cannot be made, and begin once the database has the schema', async () => {
      const database = databaseUrl(await createDatabase('empty'));
      const away = {
        DATABASE_URL: database,
        OS_AUTH_URL: 'http://127.0.0.1:1/v3',
        GLIMPSE_DATA_DIR: newFolder(),
      };
      service = await startBareService({ ...settings, ...away });
      await until(() => service!.log().includes('"event":"schema-behind"'));
      expect(service.log()).not.toContain('"event":"check');
      expect((await glimpse(['migrate'], { DATABASE_URL: database })).code).toBe(0);
      expect(await checksOf(service)).toEqual([
        expect.stringMatching(/^failed {3}Keystone: .*check OS_AUTH_URL/),
      ]);
      expect((await fetch(`${service.url}/livez`)).status).toBe(200);
    }, 60_000);
  });
});
