import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { InvalidOptions } from '@glimpse/options';
import { afterAll, describe, expect, it } from '@jest/globals';
import { loadSettings, readIdentitiesFile, settingNames } from './load.js';
import { maskedSettings } from './masked.js';

const DATABASE = 'postgresql://glimpse:wonderland@db.example.com/glimpse';

const folder = mkdtempSync(join(tmpdir(), 'glimpse-config-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(text: string): string {
  const file = join(folder, `settings-${++files}`);
  writeFileSync(file, text);
  return file;
}

const fromYaml = (text: string, env: Record<string, string> = {}): ReturnType<typeof loadSettings> =>
  loadSettings({ ...env, GLIMPSE_CONFIG: fileOf(text) });

/** What is wrong with settings, a line a problem; the file's name, which is random, reads FILE. */
function problemsOf(load: () => unknown): string[] {
  try {
    load();
  } catch (error) {
    if (!(error instanceof InvalidOptions)) throw error;
    return error.problems.map((line) => line.replace(/[^\s"]*glimpse-config-\w+\/settings-\d+/, 'FILE'));
  }
  throw new Error('the settings were accepted');
}

const PRODUCTION = {
  GLIMPSE_MODE: 'production',
  DATABASE_URL: DATABASE,
  GLIMPSE_PUBLIC_URL: 'https://compute.example.com',
  GLIMPSE_IMAGE_URL: 'https://image.example.com',
  OS_AUTH_URL: 'https://identity.example.com/v3',
};

describe('where settings come from', () => {
  it('nowhere: the defaults are those of development', () => {
    expect(loadSettings({})).toMatchObject({
      mode: 'development',
      host: '127.0.0.1',
      port: 8774,
      data_dir: '.glimpse',
      samples: 'on',
      image: {
        port: 9292,
        page_size: 25,
        page_size_max: 1000,
        show_direct_url: 'off',
        show_locations: 'off',
      },
      max_microversion: '2.38',
      database: { pool: 10 },
      links: { project: 'request' },
      log: { level: 'info', requests: false },
      extensions: [{ use: 'OS-EXT-IMG-SIZE', options: { as: 'integer' } }, { use: 'OS-DCF' }],
      authenticator: { use: 'development' },
    });
  });

  it('the environment, where a name is GLIMPSE_ and the path, but for standard names', () => {
    const variables = settingNames().map(({ variable }) => variable);
    expect(variables.filter((name) => !name.startsWith('GLIMPSE_'))).toEqual([
      'DATABASE_URL',
      'DATABASE_LISTEN_URL',
      'DATABASE_POOLER',
      'OS_USERNAME',
      'OS_PASSWORD',
      'OS_PROJECT_NAME',
      'OS_USER_DOMAIN_ID',
      'OS_USER_DOMAIN_NAME',
      'OS_PROJECT_DOMAIN_ID',
      'OS_PROJECT_DOMAIN_NAME',
      'OS_APPLICATION_CREDENTIAL_ID',
      'OS_APPLICATION_CREDENTIAL_SECRET',
      'OS_AUTH_URL',
      'OS_INTERFACE',
      'OS_REGION_NAME',
      'OS_CACERT',
    ]);
    const settings = loadSettings({
      DATABASE_URL: DATABASE,
      GLIMPSE_PORT: '1234',
      GLIMPSE_DATABASE_POOL: '7',
      GLIMPSE_LOG_REQUESTS: 'true',
      GLIMPSE_LINKS_PROJECT: 'never',
      GLIMPSE_METRICS_PORT: '9090',
      GLIMPSE_KEYSTONE_PUBLIC_URL: 'https://identity.example.com',
    });
    expect(settings).toMatchObject({
      port: 1234,
      database: { url: DATABASE, pool: 7 },
      log: { requests: true, level: 'info' },
      links: { project: 'never' },
      metrics: { port: 9090 },
      keystone: { public_url: 'https://identity.example.com' },
    });
  });

  it('the YAML file', () => {
    const text = `
      port: 1234
      database: { pool: 7 }
      log:
        requests: true
      extensions:
        - use: OS-DCF
        - use: ./mine.js
          options: { colour: red }
    `;
    expect(fromYaml(text)).toMatchObject({
      port: 1234,
      database: { pool: 7 },
      log: { requests: true, level: 'info' },
      extensions: [
        { use: 'OS-DCF', options: {} },
        { use: './mine.js', options: { colour: 'red' } },
      ],
    });
  });

  it('the environment before the file, key by key', () => {
    const { port, log } = fromYaml('port: 1234\nlog: { level: warn, requests: true }', {
      GLIMPSE_LOG_LEVEL: 'debug',
    });
    expect({ port, ...log }).toEqual({ port: 1234, level: 'debug', requests: true });
  });

  it('a file named by NAME_FILE, without the end of its last line', () => {
    expect(loadSettings({ DATABASE_URL_FILE: fileOf(`${DATABASE}\n`) }).database.url).toBe(DATABASE);
    expect(loadSettings({ GLIMPSE_PORT_FILE: fileOf('1234\r\n') }).port).toBe(1234);
    expect(loadSettings({ GLIMPSE_CONFIG_FILE: fileOf(fileOf('port: 1234')) }).port).toBe(1234);
  });

  it('not from a variable that is empty, a file that is empty, or a key without a value', () => {
    expect(loadSettings({ GLIMPSE_PORT: '', GLIMPSE_PORT_FILE: '', GLIMPSE_CONFIG: '' }).port).toBe(8774);
    expect(loadSettings({ GLIMPSE_PORT_FILE: fileOf('\n') }).port).toBe(8774);
    for (const text of ['', '# nothing\n', 'port:\nlog:\n', 'port: ""\nlog: { level: }\n']) {
      expect(fromYaml(text)).toMatchObject({ port: 8774, log: { level: 'info' } });
    }
    expect(fromYaml('port: 1234', { GLIMPSE_PORT: '' }).port).toBe(1234);
    expect(fromYaml('extensions:\n  - use: OS-DCF\n    options:\n').extensions).toEqual([
      { use: 'OS-DCF', options: {} },
    ]);
  });

  it('not from the variables that Kubernetes sets for Services', () => {
    const links = {
      GLIMPSE_SERVICE_HOST: '10.96.0.7',
      GLIMPSE_SERVICE_PORT: '8774',
      GLIMPSE_SERVICE_PORT_HTTP: '8774',
      GLIMPSE_PORT: 'tcp://10.96.0.7:8774',
      GLIMPSE_PORT_8774_TCP: 'tcp://10.96.0.7:8774',
      GLIMPSE_PORT_8774_TCP_PROTO: 'tcp',
      GLIMPSE_PORT_8774_TCP_PORT: '8774',
      GLIMPSE_PORT_8774_TCP_ADDR: '10.96.0.7',
      GLIMPSE_METRICS_SERVICE_HOST: '10.96.0.8',
      GLIMPSE_METRICS_PORT: 'tcp://10.96.0.8:9090',
      GLIMPSE_METRICS_PORT_9090_TCP_ADDR: '10.96.0.8',
    };
    expect(loadSettings(links)).toEqual(loadSettings({}));
    expect(fromYaml('port: 1234', links).port).toBe(1234);
  });
});

describe('settings with several spellings', () => {
  it.each(['internal', 'internalURL', 'INTERNALURL', 'Internal'])(
    'is an interface of the catalog: %s',
    (name) => {
      const { keystone, glance } = loadSettings({ OS_INTERFACE: name, GLIMPSE_GLANCE_INTERFACE: name });
      expect([keystone.interface, glance.interface]).toEqual(['internal', 'internal']);
    },
  );

  it.each(['', '/v2', '/v2.1', '/v2.1/'])(
    'is the public URL, which links have the version behind: %j',
    (version) => {
      const url = `https://compute.example.com/images${version}`;
      expect(loadSettings({ GLIMPSE_PUBLIC_URL: url }).public_url).toBe('https://compute.example.com/images');
    },
  );
});

describe('a microversion', () => {
  it('stays the text it is, which 2.40 is not as a number', () => {
    expect(fromYaml('max_microversion: 2.40').max_microversion).toBe('2.40');
    expect(fromYaml('max_microversion: "2.40"').max_microversion).toBe('2.40');
    expect(loadSettings({ GLIMPSE_MAX_MICROVERSION: '2.40' }).max_microversion).toBe('2.40');
  });

  it.each(['2', '2.0', '3.1', '2.040', '2.38.1', 'latest'])('is not %s', (value) => {
    expect(problemsOf(() => loadSettings({ GLIMPSE_MAX_MICROVERSION: value }))).toEqual([
      `GLIMPSE_MAX_MICROVERSION = "${value}" is not allowed: it must be a microversion such as 2.38, from 2.1 on`,
    ]);
  });
});

describe('the ports of the APIs', () => {
  const GLANCE = { GLIMPSE_SOURCE: 'glance', OS_AUTH_URL: 'https://identity.example.com/v3' };
  const GLANCE_URL = { GLIMPSE_GLANCE_URL: 'https://glance.example.com' };

  it.each([
    ['in development', {}, 9292],
    ['in development, where the port of the Compute API is any free one', { GLIMPSE_PORT: '0' }, 0],
    ['in production', PRODUCTION, 'off'],
    ['in a mirror without the URL of its Glance', GLANCE, 'off'],
    ['in a mirror with the URL of its Glance', { ...GLANCE, ...GLANCE_URL }, 9292],
    ['in production, where it is set', { ...PRODUCTION, GLIMPSE_IMAGE_PORT: '80' }, 80],
  ])('have a default: the Image API %s', (_, variables: Record<string, string>, port) => {
    expect(loadSettings(variables).image.port).toBe(port);
  });

  it('may be off, but not both', () => {
    const image = { ...PRODUCTION, GLIMPSE_PORT: 'off', GLIMPSE_IMAGE_PORT: '9292', GLIMPSE_PUBLIC_URL: '' };
    expect(loadSettings(image)).toMatchObject({ port: 'off', image: { port: 9292 } });
    expect(problemsOf(() => loadSettings({ ...PRODUCTION, GLIMPSE_PORT: 'off' }))).toEqual([
      'GLIMPSE_PORT and GLIMPSE_IMAGE_PORT are both off: there must be a port for at least one API',
    ]);
  });

  it('require the URL of the Glance that the Image API mirrors', () => {
    expect(problemsOf(() => loadSettings({ ...GLANCE, GLIMPSE_IMAGE_PORT: '9292' }))).toEqual([
      'GLIMPSE_GLANCE_URL is missing: the Image API requires it, since the image endpoint of the catalog may lead here',
    ]);
  });
});

describe('what is refused', () => {
  it.each([
    ['GLIMPSE_MODE', 'test', '"test"', 'one of development, production'],
    ['GLIMPSE_PORT', '65536', '65536', 'a whole number from 0 to 65535 or off'],
    ['GLIMPSE_PORT', '-1', '-1', 'a whole number from 0 to 65535 or off'],
    ['GLIMPSE_PORT', '80.5', '"80.5"', 'a whole number from 0 to 65535 or off'],
    ['GLIMPSE_PORT', ' ', '" "', 'a whole number from 0 to 65535 or off'],
    ['GLIMPSE_DATABASE_POOL', '0', '0', 'a whole number from 1 to 1000'],
    ['GLIMPSE_METRICS_PORT', '0', '0', 'a whole number from 1 to 65535'],
    ['GLIMPSE_SAMPLES', 'yes', '"yes"', 'one of on, off'],
    ['GLIMPSE_LOG_LEVEL', 'loud', '"loud"', 'one of trace, debug, info, warn, error, fatal'],
    ['GLIMPSE_LOG_REQUESTS', '1', '"1"', 'true or false'],
    ['GLIMPSE_LINKS_PROJECT', 'always', '"always"', 'one of request, never'],
    [
      'GLIMPSE_PUBLIC_URL',
      'ftp://a',
      '"ftp://a"',
      'an http or https URL without query, fragment or credentials',
    ],
    [
      'GLIMPSE_IMAGE_URL',
      'http://u:p@a',
      '"http://***@a"',
      'an http or https URL without query, fragment or credentials',
    ],
    ['OS_AUTH_URL', 'identity', '"identity"', 'an http or https URL without query, fragment or credentials'],
  ])('%s = %s, with the value and what is allowed', (name, value, shown, allowed) => {
    expect(problemsOf(() => loadSettings({ [name]: value }))).toEqual([
      `${name} = ${shown} is not allowed: it must be ${allowed}`,
    ]);
  });

  it.each(['DATABASE_URL', 'DATABASE_LISTEN_URL'])(
    'a password in %s that is not percent-encoded, without a piece of it',
    (name) => {
      const settings = { DATABASE_URL: DATABASE, [name]: 'postgresql://glimpse:Won/der#land@db/glimpse' };
      const [problem, ...others] = problemsOf(() => loadSettings(settings));
      expect(others).toEqual([]);
      expect(problem).toContain(`${name} = *** is not allowed: a user name, password or database name`);
      expect(problem).not.toMatch(/Won|der#|land/);
    },
  );

  it('a wrong database URL, without the password in it', () => {
    const line = 'is not allowed: it must be a postgresql:// URL';
    const wrong = 'mysql://glimpse:wonderland@db.example.com/glimpse';
    expect(problemsOf(() => loadSettings({ DATABASE_URL: wrong }))).toEqual([`DATABASE_URL = *** ${line}`]);
    expect(problemsOf(() => fromYaml(`database: { url: "${wrong}" }`))).toEqual([
      `database.url in FILE = *** ${line}`,
    ]);
  });

  it('every wrong value at once, each by the name it was given under', () => {
    expect(
      problemsOf(() => fromYaml('log: { level: loud }\nsamples: maybe\n', { GLIMPSE_PORT: 'http' })).sort(),
    ).toEqual([
      'GLIMPSE_PORT = "http" is not allowed: it must be a whole number from 0 to 65535 or off',
      'log.level in FILE = "loud" is not allowed: it must be one of trace, debug, info, warn, error, fatal',
      'samples in FILE = "maybe" is not allowed: it must be one of on, off',
    ]);
  });

  it.each([
    ['GLIMPSE_COLOUR', 'GLIMPSE_CONFIG, GLIMPSE_MODE, .*, GLIMPSE_DATA_…, '],
    ['GLIMPSE_COLOUR_FILE', 'GLIMPSE_CONFIG, GLIMPSE_MODE, '],
    ['GLIMPSE_EXTENSIONS', 'GLIMPSE_CONFIG, GLIMPSE_MODE, '],
    ['GLIMPSE_DATABASE_URL', 'GLIMPSE_DATABASE_POOL$'],
    ['GLIMPSE_LOG_COLOUR', 'GLIMPSE_LOG_LEVEL, GLIMPSE_LOG_REQUESTS$'],
  ])('the environment variable %s, which is no setting, with those of its group', (name, known) => {
    const [line, ...more] = problemsOf(() => loadSettings({ [name]: 'red' }));
    expect(more).toEqual([]);
    expect(line).toMatch(new RegExp(`^${name} is not a known setting: known are ${known}`));
  });

  it('an unknown key of the file, wherever it is', () => {
    expect(problemsOf(() => fromYaml('colour: red'))).toEqual([
      expect.stringMatching(/^colour in FILE is not a known key: known are mode, host, port, /),
    ]);
    expect(problemsOf(() => fromYaml('log: { colour: red }'))).toEqual([
      'log.colour in FILE is not a known key: known are level, requests',
    ]);
    expect(problemsOf(() => fromYaml('extensions: [{ use: OS-DCF, option: {} }]'))).toEqual([
      'extensions.0.option in FILE is not a known key: known are use, options',
    ]);
  });

  it.each([
    '*wonderland',
    '!wonderland',
    '|wonderland',
    '"wonderland',
    '&wonderland *wonderland',
    '%wonderland',
  ])('a password that YAML parses as something else, without showing it: %s', (password) => {
    const problems = problemsOf(() => fromYaml(`keystone:\n  password: ${password}\n`));
    expect(problems).toEqual([expect.stringMatching(/^GLIMPSE_CONFIG = "FILE" is not YAML: /)]);
    expect(problems.join()).not.toContain('wonderland');
  });

  it('a URL with a password in it, without showing it', () => {
    const problems = problemsOf(() =>
      loadSettings({ OS_AUTH_URL: 'https://glimpse:wonderland@keystone:5000' }),
    );
    expect(problems).toEqual([
      'OS_AUTH_URL = "https://***@keystone:5000" is not allowed: it must be an http or https URL without query, fragment or credentials',
    ]);
  });

  it.each([
    ['http://u:sEc/ReT@k', '"http://***@k"'],
    ['http://u:s@c@ReT@k', '"http://***@k"'],
    ['http:/u:sEcReT@k', '"http:/***@k"'],
    ['u:sEcReT@k', '"u:***@k"'],
    ['https://k/v3?user=u&password=sEcReT&x=y', '"https://k/v3?user=u&password=***&x=y"'],
  ])('%s, without the secret in it, whatever setting it was given for', (given, shown) => {
    for (const name of ['OS_AUTH_URL', 'GLIMPSE_PUBLIC_URL', 'GLIMPSE_PORT', 'OS_INTERFACE']) {
      expect(problemsOf(() => loadSettings({ [name]: given }))).toEqual([
        expect.stringContaining(`${name} = ${shown} is not allowed`),
      ]);
    }
  });

  it('a file of another shape', () => {
    expect(problemsOf(() => fromYaml('- port'))).toEqual([
      'GLIMPSE_CONFIG = "FILE" must hold a mapping of settings',
    ]);
    expect(problemsOf(() => fromYaml('extensions: OS-DCF'))).toEqual([
      'extensions in FILE = "OS-DCF" is not allowed: it must be a list of mappings',
    ]);
    expect(problemsOf(() => fromYaml('log: loud'))).toEqual([
      'log in FILE = "loud" is not allowed: it must be a mapping',
    ]);
    expect(problemsOf(() => fromYaml('log: loud', { GLIMPSE_LOG_LEVEL: 'warn' }))).toEqual([
      'log in FILE = "loud" is not allowed: it must be a mapping',
    ]);
    expect(problemsOf(() => fromYaml('port: [1, 2]'))).toEqual([
      'port in FILE = ["1","2"] is not allowed: it must be a whole number from 0 to 65535 or off',
    ]);
  });

  it('a file that is not YAML, or not there, in one line', () => {
    expect(problemsOf(() => fromYaml('port: [1'))).toEqual([expect.stringMatching(/ is not YAML: /)]);
    expect(problemsOf(() => fromYaml('port: 1\nport: 2'))).toEqual([
      expect.stringMatching(/ is not YAML: duplicate key in line 2$/),
    ]);
    expect(problemsOf(() => loadSettings({ GLIMPSE_CONFIG: '/nowhere/glimpse.yaml' }))).toEqual([
      expect.stringMatching(/^GLIMPSE_CONFIG = "\/nowhere\/glimpse\.yaml" cannot be read: ENOENT/),
    ]);
    expect(problemsOf(() => loadSettings({ GLIMPSE_PORT_FILE: '/nowhere/port' }))).toEqual([
      expect.stringMatching(/^GLIMPSE_PORT_FILE = "\/nowhere\/port" cannot be read: ENOENT/),
    ]);
  });

  it('a value and a file for the same setting', () => {
    expect(problemsOf(() => loadSettings({ GLIMPSE_PORT: '1', GLIMPSE_PORT_FILE: fileOf('2') }))).toEqual([
      'GLIMPSE_PORT and GLIMPSE_PORT_FILE are both set: only one may be',
    ]);
  });
});

describe('production', () => {
  it('listens on all addresses, those of IPv6 too where there are any, and uses Keystone', () => {
    const hasIPv6 = Object.values(networkInterfaces()).some((found) =>
      found!.some(({ family }) => family === 'IPv6'),
    );
    expect(loadSettings(PRODUCTION)).toMatchObject({
      host: hasIPv6 ? '::' : '0.0.0.0',
      authenticator: { use: 'keystone' },
    });
  });

  it.each(['DATABASE_URL', 'GLIMPSE_PUBLIC_URL', 'GLIMPSE_IMAGE_URL'])('requires %s', (name) => {
    expect(problemsOf(() => loadSettings({ ...PRODUCTION, [name]: '' }))).toEqual([
      expect.stringMatching(new RegExp(`^${name} is missing: production `)),
    ]);
  });

  it('refuses as service user the user that reads everything', () => {
    const reader = { ...PRODUCTION, GLIMPSE_SOURCE: 'glance', OS_USERNAME: 'glimpse', OS_PASSWORD: 'secret' };
    const user = { GLIMPSE_KEYSTONE_SERVICE_USER_PASSWORD: 'secret' };
    expect(
      problemsOf(() =>
        loadSettings({ ...reader, ...user, GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME: 'glimpse' }),
      ),
    ).toContain(
      'GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME = "glimpse" is not allowed: it must be another user than OS_USERNAME, whose roles no caller may have',
    );
  });

  it('refuses development tokens, built-in ones and others', () => {
    expect(problemsOf(() => loadSettings({ ...PRODUCTION, OS_AUTH_URL: '' }))).toEqual([
      'authenticator = development is not allowed in production: set OS_AUTH_URL, or name another one',
    ]);
    expect(
      problemsOf(() =>
        loadSettings({ ...PRODUCTION, OS_AUTH_URL: '', GLIMPSE_IDENTITIES: 'identities.json' }),
      ),
    ).toEqual([
      'GLIMPSE_IDENTITIES is not allowed in production: identities come from Keystone there',
      expect.stringMatching(/^authenticator = development is not allowed in production/),
    ]);
  });

  it('accepts another authenticator than Keystone', () => {
    const { authenticator } = fromYaml('authenticator: { use: "@example/tokens" }', {
      ...PRODUCTION,
      OS_AUTH_URL: '',
    });
    expect(authenticator.use).toBe('@example/tokens');
  });
});

describe('development tokens', () => {
  it.each(['127.0.0.1', '127.1.2.3', 'localhost', '::1'])('are served on %s', (host) => {
    expect(loadSettings({ GLIMPSE_HOST: host }).host).toBe(host);
  });

  it.each(['0.0.0.0', '::', '192.0.2.1', '127.0.0.1.example.com', 'localhost.example.com'])(
    'are not served on %s, unless they are one’s own',
    (host) => {
      expect(problemsOf(() => loadSettings({ GLIMPSE_HOST: host }))).toEqual([
        expect.stringMatching(`^GLIMPSE_HOST = "${host}" is not allowed: .*GLIMPSE_IDENTITIES$`),
      ]);
      expect(loadSettings({ GLIMPSE_HOST: host, GLIMPSE_IDENTITIES: 'identities.json' }).host).toBe(host);
    },
  );

  it('do not go together with Keystone', () => {
    const env = { GLIMPSE_IDENTITIES: 'identities.json', OS_AUTH_URL: 'http://127.0.0.1:5000' };
    expect(problemsOf(() => loadSettings(env))).toEqual([
      'GLIMPSE_IDENTITIES is not allowed together with the authenticator keystone: unset one',
    ]);
    expect(fromYaml('authenticator: { use: development }', env).authenticator.use).toBe('development');
  });

  it('come from a file of JSON or YAML, and no error shows what is in it', () => {
    const json = fileOf('{"a-token": {"user_id": "u", "user_name": "demo", "roles": ["member"]}}');
    const yaml = fileOf('a-token: { user_id: u, user_name: demo, roles: [member] }\n');
    for (const file of [json, yaml]) {
      expect([...readIdentitiesFile(file)]).toEqual([
        ['a-token', expect.objectContaining({ userId: 'u', userName: 'demo', roles: ['member'] })],
      ]);
    }
    const [line, ...more] = problemsOf(() => readIdentitiesFile(fileOf('{"a-token": {"user_id": ')));
    expect(more).toEqual([]);
    expect(line).toMatch(/^GLIMPSE_IDENTITIES = .* is neither JSON nor YAML$/);
    expect(problemsOf(() => readIdentitiesFile(fileOf('a-token: { roles: none }')))).toEqual([
      expect.stringMatching(/^GLIMPSE_IDENTITIES = ".+": identity 1: user_id is missing/),
      expect.stringMatching(/^GLIMPSE_IDENTITIES = ".+": identity 1: user_name is missing/),
      expect.stringMatching(/^GLIMPSE_IDENTITIES = ".+": identity 1: roles = "none" is not allowed/),
    ]);
  });
});

describe('what is shown of the settings', () => {
  it('has no password, wherever the URL of the database has one', () => {
    const shown = (url: string): unknown =>
      (maskedSettings(loadSettings({ DATABASE_URL: url }))['database'] as { url: unknown }).url;
    expect(shown(DATABASE)).toBe('postgresql://glimpse:***@db.example.com/glimpse');
    expect(shown('postgres://db/glimpse?user=a&password=wonderland&sslpassword=too&sslmode=require')).toBe(
      'postgres://db/glimpse?user=a&password=***&sslpassword=***&sslmode=require',
    );
    expect(shown('postgresql://db/glimpse')).toBe('postgresql://db/glimpse');
    expect(shown('postgresql://a:b%40c@one:1,two:2/glimpse')).toBe('postgresql://a:***@one:1,two:2/glimpse');
  });

  it('has no password or secret among the options of plugins', () => {
    const settings = fromYaml(
      'authenticator: { use: ./mine.js, options: { user: glimpse, password: rabbit, deep: [{ client_secret: hat }] } }\n',
    );
    expect(maskedSettings(settings)['authenticator']).toEqual({
      use: './mine.js',
      options: { user: 'glimpse', password: '***', deep: [{ client_secret: '***' }] },
    });
  });

  it('has no secret that is not set', () => {
    expect(JSON.stringify(maskedSettings(loadSettings({})))).not.toContain('***');
  });

  it('masks a copy: the settings in effect keep it', () => {
    const settings = loadSettings({ DATABASE_URL: DATABASE });
    maskedSettings(settings);
    expect(settings.database.url).toBe(DATABASE);
  });
});
