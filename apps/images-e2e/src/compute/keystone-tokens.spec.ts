import { randomBytes } from 'node:crypto';
import { FakeKeystone, type Behaviour, type TokenToIssue } from '@glimpse/auth/testing';
import { until } from '@glimpse/domain/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { glimpse } from '../harness/command.js';
import { createDatabase, databaseUrl } from '../harness/databases.js';
import { RawConnection, bytesOf, sendRaw, type RawResponse, type RawRequest } from '../harness/raw-http.js';
import { IDENTITIES, IMAGE_URL, newFolder, startBareService, type Service } from '../harness/service.js';

const PASSWORD = 'a-password-that-must-not-leak';
const DEMO = { kind: 'project', id: IDENTITIES['demo']!.project_id, name: 'demo' } as const;
const ALT = { kind: 'project', id: IDENTITIES['alt']!.project_id, name: 'alt' } as const;
const PUBLIC = '70a599e0-31e7-49b7-b260-868f441e862b';
const OWN = '22222222-0000-4000-8000-000000000001';

let keystone: FakeKeystone;
let service: Service;
/** All responses and log lines of the service. */
const output: string[] = [];
/** The secrets that must not appear in them. */
const secrets: string[] = [PASSWORD];

function issue(changes: Partial<TokenToIssue> = {}): string {
  const token = keystone.issue({ userName: 'demo', scope: DEMO, roles: ['member', 'reader'], ...changes });
  secrets.push(token);
  return token;
}

const serviceToken = (changes: Partial<TokenToIssue> = {}): string =>
  issue({
    userName: 'nova',
    scope: { kind: 'project', id: 'f'.repeat(32), name: 'service' },
    roles: ['service'],
    ...changes,
  });

async function send(token: string, request: RawRequest = {}, by = service): Promise<RawResponse> {
  const { target = `/v2.1/images/${PUBLIC}`, headers = {} } = request;
  const response = await sendRaw(by.url, {
    ...request,
    target,
    headers: { 'x-auth-token': token, ...headers },
  });
  output.push(JSON.stringify(response.headers), response.text);
  return response;
}

const statusOf = async (...args: Parameters<typeof send>): Promise<number> => (await send(...args)).status;

async function start(settings: Record<string, string> = {}): Promise<Service> {
  const started = await startBareService({
    DATABASE_URL: databaseUrl(await createDatabase('contract')),
    GLIMPSE_DATA_DIR: newFolder(),
    GLIMPSE_IMAGE_URL: IMAGE_URL,
    GLIMPSE_LOG_LEVEL: 'trace',
    GLIMPSE_LOG_REQUESTS: 'true',
    OS_AUTH_URL: keystone.url,
    OS_USERNAME: 'glimpse',
    OS_PASSWORD: PASSWORD,
    OS_PROJECT_NAME: 'service',
    GLIMPSE_KEYSTONE_TIMEOUT: '2',
    ...settings,
  });
  await until(async () => (await fetch(`${started.url}/readyz`)).ok);
  return started;
}

async function stop(started: Service): Promise<void> {
  output.push(await metricsOf(started));
  await started.stop();
  output.push(started.log(), started.stdout());
}

const healthOf = async (of: Service): Promise<object> =>
  ((await (await fetch(`${of.url}/healthz`)).json()) as { details: object }).details;

const metricsOf = async (of: Service): Promise<string> => (await fetch(`${of.url}/metrics`)).text();

beforeAll(async () => {
  keystone = await FakeKeystone.start();
  keystone.addUser({ name: 'glimpse', password: PASSWORD, roles: ['service'] });
  service = await start();
});

afterEach(() => keystone.behave('well'));

afterAll(async () => {
  await service.stop();
  await keystone.close();
});

describe('a token', () => {
  it('that Keystone validates opens the images of its project', async () => {
    expect(await statusOf(issue())).toBe(200);
    expect(await statusOf(issue(), { target: `/v2.1/images/${OWN}` })).toBe(200);
    expect(await statusOf(issue({ scope: ALT }), { target: `/v2.1/images/${OWN}` })).toBe(404);
  });

  it('of another project than the URL names is 400', async () => {
    expect(await statusOf(issue(), { target: `/v2.1/${DEMO.id}/images` })).toBe(200);
    expect(await statusOf(issue(), { target: `/v2.1/${ALT.id}/images` })).toBe(400);
  });

  it.each([
    ['system-scoped administrator', { scope: { kind: 'system' }, roles: ['admin'] }, 200],
    [
      'domain-scoped administrator',
      { scope: { kind: 'domain', id: 'default', name: 'Default' }, roles: ['admin'] },
      200,
    ],
    ['unscoped user', { scope: { kind: 'none' }, roles: [] }, 404],
  ] as const)('of a %s is authorized by its scope and roles', async (_, changes, status) => {
    expect(await statusOf(issue(changes), { target: `/v2.1/images/${OWN}` })).toBe(status);
    expect(await statusOf(issue(changes))).toBe(200);
  });

  it.each([
    ['made up', () => 'gAAAAABm-made-up'],
    ['expired', () => issue({ expiresIn: -10 })],
    ['of 8,191 characters', () => 'g'.repeat(8_191)],
    ['missing', () => ''],
    ['in Latin-1', () => 'gAAAAAé'],
  ])('that is %s is 401, with the address of Keystone', async (_, make) => {
    const { status, headers, text } = await send(make());
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe(`Keystone uri="${keystone.url}"`);
    expect(JSON.parse(text)).toEqual({
      error: {
        code: 401,
        title: 'Unauthorized',
        message: 'The request you have made requires authentication.',
      },
    });
  });

  it('that was revoked is accepted from the cache until a request sends no-cache', async () => {
    const token = issue();
    expect(await statusOf(token)).toBe(200);
    keystone.revoke(token);
    expect(await statusOf(token)).toBe(200);
    expect(await statusOf(token, { headers: { 'cache-control': 'no-cache' } })).toBe(401);
    expect(await statusOf(token)).toBe(401);
  });
});

describe('access rules of an application credential', () => {
  const restricted = (method: string, path: string, service = 'compute'): string =>
    issue({ accessRules: [{ service, method, path }] });

  it('are enforced on the normalized path', async () => {
    const token = restricted('GET', '/v2.1/images/*');
    expect(await statusOf(token)).toBe(200);
    expect(await statusOf(token, { target: `/v2.1/%69mages/${PUBLIC}` })).toBe(200);
    expect(await statusOf(token, { target: '/v2.1/images' })).toBe(401);
    expect(await statusOf(token, { method: 'DELETE' })).toBe(401);
    const narrow = restricted('DELETE', '/v2.1/images/*/metadata/**');
    const target = `/v2.1/images/${OWN}/metadata/../../${OWN}`;
    expect(await statusOf(narrow, { method: 'DELETE', target })).toBe(401);
  });

  it('of another service do not count', async () => {
    expect(await statusOf(restricted('GET', '/v2.1/images/*', 'image'))).toBe(401);
  });
});

describe('a service token', () => {
  const vouched = (by: string): RawRequest => ({ headers: { 'x-service-token': by } });

  it('makes an expired token valid, and only beside it', async () => {
    const expired = issue({ expiresIn: -10 });
    expect(await statusOf(expired)).toBe(401);
    expect(await statusOf(expired, vouched(serviceToken()))).toBe(200);
    expect(await statusOf(expired)).toBe(401);
  });

  it('lifts the access rules of the user, but not its own', async () => {
    const accessRules = [{ service: 'compute', method: 'GET', path: '/v2.1/images' }];
    const restricted = issue({ accessRules });
    expect(await statusOf(restricted)).toBe(401);
    expect(await statusOf(restricted, vouched(serviceToken()))).toBe(200);
    expect(await statusOf(restricted, vouched(restricted))).toBe(401);
    expect(await statusOf(issue(), vouched(serviceToken({ accessRules })))).toBe(401);
  });

  it('that is invalid refuses the request, whatever the user token is', async () => {
    expect(await statusOf(issue(), vouched('made-up'))).toBe(401);
    expect(await statusOf(issue(), vouched(issue()))).toBe(401);
    expect(await statusOf(issue(), vouched(serviceToken({ expiresIn: -10 })))).toBe(401);
  });

  it('opens nothing without a user token', async () => {
    expect(await statusOf('', vouched(serviceToken()))).toBe(401);
  });
});

describe('while Keystone is unavailable', () => {
  it.each<[string, Behaviour]>([
    ['answers 500', { status: 500 }],
    ['answers half a body', 'half-body'],
    ['answers something else', 'wrong-json'],
    ['takes ten seconds', { delay: 10_000 }],
    ['never answers', 'hang'],
  ])('and %s, unknown tokens are 503 and cached ones are accepted at once', async (_, how) => {
    const known = issue();
    expect(await statusOf(known)).toBe(200);
    keystone.behave(how, 'validations');
    let answered = 0;
    const unknown = Array.from({ length: 30 }, () => send(issue()).finally(() => answered++));
    for (let i = 0; i < 5; i++) expect(await statusOf(known)).toBe(200);
    if (how === 'hang') expect(answered).toBe(0);
    for (const { status, headers, text } of await Promise.all(unknown)) {
      expect(status).toBe(503);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
      expect(JSON.parse(text)).toMatchObject({ serviceUnavailable: { code: 503 } });
    }
    keystone.behave('well');
    await until(async () => (await statusOf(issue())) === 200, 5_000);
  });

  it('and its port is closed, the service starts, keeps serving, and recovers', async () => {
    const known = issue();
    expect(await statusOf(known)).toBe(200);
    await keystone.close();
    const second = await start();
    try {
      expect(await statusOf(known)).toBe(200);
      expect(await statusOf(issue())).toBe(503);
      expect(await statusOf(known, {}, second)).toBe(503);
      await keystone.reopen();
      await until(async () => (await statusOf(known, {}, second)) === 200, 5_000);
      await until(async () => (await statusOf(issue())) === 200, 5_000);
    } finally {
      await stop(second);
    }
    expect(service.log()).toContain('"event":"keystone-unavailable","reason":"ECONNREFUSED"');
    expect(service.log()).toContain('"event":"keystone-available"');
  });

  it('and refuses the service, that is logged, and unknown tokens are 503', async () => {
    const second = await start({ OS_PASSWORD: 'a-wrong-password' });
    secrets.push('a-wrong-password');
    try {
      // Before the first request.
      await until(() => second.log().includes("it answers 401 to the service's own credentials"));
      expect(await healthOf(second)).toMatchObject({ keystone: { status: 'down' } });
      expect(await metricsOf(second)).toContain('\nglimpse_dependency_available{dependency="keystone"} 0\n');
      const { status, headers } = await send(issue(), {}, second);
      expect(status).toBe(503);
      expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    } finally {
      await stop(second);
    }
  });
});

describe('a service without requests', () => {
  const gaugeOf = async (of: Service): Promise<string | undefined> =>
    /^glimpse_dependency_available\{dependency="keystone"\} (\d)$/m.exec(await metricsOf(of))?.[1];

  it('detects by itself that Keystone is back', async () => {
    await keystone.close();
    const idle = await start();
    try {
      await until(async () => (await gaugeOf(idle)) === '0');
      expect(await healthOf(idle)).toMatchObject({
        keystone: { status: 'down' },
        database: { status: 'up' },
      });
      await keystone.reopen();
      await until(async () => (await gaugeOf(idle)) === '1');
      await until(async () => (await fetch(`${idle.url}/healthz`)).ok);
      expect(await healthOf(idle)).toMatchObject({ keystone: { status: 'up' } });
      expect(idle.log()).toContain('"event":"keystone-available"');
    } finally {
      await stop(idle);
    }
  });

  it('warns that its user lacks the role to validate tokens, and is unavailable once Keystone refuses', async () => {
    keystone.addUser({ name: 'weak', password: PASSWORD, roles: ['member'] });
    const weak = await start({ OS_USERNAME: 'weak' });
    try {
      await until(() => weak.log().includes('"event":"keystone-role-missing"'));
      expect(weak.log()).toContain(
        'it needs the role service in its project to validate tokens, and has member',
      );
      expect(await gaugeOf(weak)).toBe('1');
      expect(await statusOf(issue(), {}, weak)).toBe(503);
      expect(await gaugeOf(weak)).toBe('0');
      // A probe that only authenticates must not hide that Keystone refuses to validate tokens.
      await until(() => keystone.callsOf('validations').length > 0);
      expect(await healthOf(weak)).toMatchObject({ keystone: { status: 'down' } });
    } finally {
      await stop(weak);
    }
  });
});

describe('made-up tokens on 400 connections', () => {
  const outcomes = new Map<string, number>();
  let flooded: Service;
  let stopFlood = (): Promise<unknown> => Promise.resolve();

  beforeAll(async () => {
    // Requests take longer on a busy machine.
    flooded = await start({ GLIMPSE_KEYSTONE_TIMEOUT: '60', GLIMPSE_KEYSTONE_CONNECT_TIMEOUT: '60' });
    keystone.behave({ delay: 20 }, 'validations');
    let over = false;
    const flood = async (): Promise<void> => {
      const connection = await RawConnection.open(flooded.url);
      while (!over) {
        const headers = { 'x-auth-token': `gAAAAABm${randomBytes(100).toString('base64url')}` };
        connection.write(bytesOf({ target: `/v2.1/images/${PUBLIC}`, headers }));
        const { status, text } = await connection.response({ within: 30_000 });
        const outcome = status === 401 ? '401' : `${status} ${text}`;
        outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
      }
      connection.close();
    };
    const all = Array.from({ length: 400 }, flood);
    stopFlood = () => ((over = true), Promise.all(all));
    await until(() => (outcomes.get('401') ?? 0) > 100, 30_000);
  }, 40_000);

  afterAll(async () => {
    await stopFlood();
    keystone.behave('well');
    await stop(flooded);
  }, 30_000);

  it('leave room for new tokens, and open no circuit breaker', async () => {
    for (let i = 0; i < 12; i++) {
      const connection = await RawConnection.open(flooded.url);
      const headers = { 'x-auth-token': issue() };
      connection.write(bytesOf({ target: `/v2.1/images/${PUBLIC}`, headers }));
      expect((await connection.response({ within: 30_000 })).status).toBe(200);
      connection.close();
    }
    const metrics = await metricsOf(flooded);
    expect(metrics).toMatch(/^glimpse_dependency_available\{dependency="keystone"\} 1$/m);
    expect(flooded.log()).not.toContain('"event":"keystone-unavailable"');
    const message = 'Too many tokens are waiting to be validated. Try again later.';
    const overloaded = JSON.stringify({ serviceUnavailable: { code: 503, message } });
    expect([...outcomes.keys()].filter((outcome) => outcome !== `503 ${overloaded}`)).toEqual(['401']);
  }, 60_000);
});

describe('a wrong setting', () => {
  it.each<[string, Record<string, string>, string]>([
    [
      'no credentials',
      { OS_AUTH_URL: 'http://127.0.0.1:1' },
      'plugin keystone: credentials are missing: give OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME; or ' +
        'OS_APPLICATION_CREDENTIAL_ID, OS_APPLICATION_CREDENTIAL_SECRET',
    ],
    [
      'half of them',
      { OS_AUTH_URL: 'http://127.0.0.1:1', OS_USERNAME: 'glimpse', OS_PASSWORD: PASSWORD },
      'plugin keystone: OS_PROJECT_NAME is missing: the credentials need it',
    ],
    [
      'a certificate that is none',
      { OS_AUTH_URL: 'https://127.0.0.1:1', OS_CACERT: '/etc/hostname' },
      'plugin keystone: OS_CACERT = "/etc/hostname" holds no certificate in PEM form',
    ],
    [
      'identities beside Keystone',
      { OS_AUTH_URL: 'http://127.0.0.1:1', GLIMPSE_IDENTITIES: '/tmp/identities.json' },
      'GLIMPSE_IDENTITIES is not allowed together with the authenticator keystone: unset one',
    ],
  ])('(%s) stops the start with one line', async (_, settings, line) => {
    const { code, stderr } = await glimpse(['serve'], { GLIMPSE_DATA_DIR: newFolder(), ...settings });
    expect(code).not.toBe(0);
    expect(stderr.trim().split('\n')).toEqual([expect.stringContaining(line)]);
  });

  it('is shown without secrets by glimpse config', async () => {
    const settings = {
      OS_AUTH_URL: keystone.url,
      OS_USERNAME: 'glimpse',
      OS_PASSWORD: PASSWORD,
      OS_PROJECT_NAME: 'service',
    };
    const { stdout } = await glimpse(['config'], settings);
    output.push(stdout);
    expect(stdout).toMatch(/^\s*username: "?glimpse"?$/m);
    expect(stdout).toMatch(/^\s*password: "?\*\*\*"?$/m);
    expect(stdout).not.toMatch(/secret/);
  });
});

describe('the metrics of tokens', () => {
  it('count tokens by outcome and source', async () => {
    const metrics = await metricsOf(service);
    for (const labels of [
      'outcome="identity",source="cache"',
      'outcome="identity",source="keystone"',
      'outcome="invalid"',
    ]) {
      expect(metrics).toContain(`glimpse_token_validations_total{${labels}`);
    }
  });
});

describe('all output of the service', () => {
  it('contains no token and no password', async () => {
    await stop(service);
    const everything = output.join('\n');
    expect(everything.length).toBeGreaterThan(100_000);
    expect(secrets.length).toBeGreaterThan(100);
    for (const secret of secrets) expect(everything.includes(secret)).toBe(false);
    // The service's own tokens are secrets as well.
    for (const { token = '' } of keystone.callsOf('validations'))
      expect(everything.includes(token)).toBe(false);
  });
});
