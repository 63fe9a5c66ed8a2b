import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { FakeKeystone, type Behaviour } from './index.js';

interface Exchange {
  readonly name: string;
  readonly request: { method: string; path: string; headers: Record<string, string>; body?: unknown };
  readonly response: { status: number; headers: Record<string, string>; body: unknown };
}

const recorded = JSON.parse(
  readFileSync(new URL('../../contract/keystone.json', import.meta.url), 'utf8'),
) as Exchange[];

/** What differs from one Keystone to another, and from one second to the next. */
function withoutIds(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const all = value.map((each) => withoutIds(each, key));
    // The order of roles is accidental.
    return key === 'roles' ? all.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : all;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, each]) => [
      name,
      key === 'application_credential' && name === 'name' ? '{name}' : withoutIds(each, name),
    ]);
    return Object.fromEntries(entries);
  }
  if (typeof value !== 'string') return value;
  if (key === 'audit_ids' && /^[\w-]{22}$/.test(value)) return '{audit id}';
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(value)) return '{time}';
  return /^[0-9a-f]{32}$/.test(value) ? '{id}' : value;
}

/** For 127.0.0.1, until the year 2126. */
const TLS = {
  key: `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQglZUcqs+ApSItO0Ro
t7okJxtlwSJFWgd/fXqHZpUPosuhRANCAAShmQfr/Oh1A1bc/avhGP9WwDU3mK+l
uQJRPZ3PmcWUZtrhbp12Zz2EhKDXUAceQ4UBRHI60vinE/309oVl07QE
-----END PRIVATE KEY-----`,
  cert: `-----BEGIN CERTIFICATE-----
MIIBkDCCATagAwIBAgIUUHVco9JF+GjRJVxEWcbbh3a6mBMwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJMTI3LjAuMC4xMCAXDTI2MTEyNDExNDQ0M1oYDzIxMjYxMDMx
MTE0NDQzWjAUMRIwEAYDVQQDDAkxMjcuMC4wLjEwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAShmQfr/Oh1A1bc/avhGP9WwDU3mK+luQJRPZ3PmcWUZtrhbp12Zz2E
hKDXUAceQ4UBRHI60vinE/309oVl07QEo2QwYjAdBgNVHQ4EFgQU8wfbx/rlOZMk
Mj1GaTqCkLmyWgcwHwYDVR0jBBgwFoAU8wfbx/rlOZMkMj1GaTqCkLmyWgcwDwYD
VR0TAQH/BAUwAwEB/zAPBgNVHREECDAGhwR/AAABMAoGCCqGSM49BAMCA0gAMEUC
IHHvf78lyskoxEBr1bGMLWVqjAKYlYll/AQIpo74cv0vAiEAlzDVQTUgQ5zBTS+3
CDB2goX+2aeyvNtvGf5iBFMVdZc=
-----END CERTIFICATE-----`,
};

describe('FakeKeystone answers as the real one did', () => {
  let keystone: FakeKeystone;
  let tokens: Record<string, string>;

  /** The token that `{token}` means in an exchange. */
  function subject(exchange: string): string {
    const demo = { userName: 'demo', roles: ['member', 'reader'] };
    const project = { kind: 'project', id: 'ad29d32347a54385ae070a70114b90f1', name: 'demo' } as const;
    const admin = { userName: 'admin', roles: ['admin', 'member', 'reader'] };
    if (exchange === 'unscoped') return keystone.issue({ ...demo, scope: { kind: 'none' }, roles: [] });
    if (exchange === 'system-scoped') return keystone.issue({ ...admin, scope: { kind: 'system' } });
    if (exchange === 'domain-scoped') {
      return keystone.issue({ ...admin, scope: { kind: 'domain', id: 'default', name: 'Default' } });
    }
    if (exchange.includes('access rules')) {
      const accessRules = [{ service: 'compute', method: 'GET', path: '/v2.1/images/*' }];
      return keystone.issue({ ...demo, scope: project, accessRules });
    }
    const expiresIn = /^expired/.test(exchange) ? -60 : 3600;
    const token = keystone.issue({ ...demo, scope: project, expiresIn });
    if (exchange === 'revoked' || exchange === 'user disabled since') keystone.revoke(token);
    return token;
  }

  beforeAll(async () => {
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'demo', password: 'demo', project: 'demo', roles: ['member', 'reader'] });
    keystone.addUser({ name: 'alt', password: 'alt', project: 'alt', roles: ['member', 'reader'] });
    keystone.addUser({
      name: 'glimpse',
      password: 'glimpse',
      roles: ['reader', 'member', 'admin', 'service'],
    });
    keystone.addApplicationCredential({
      id: '7c1bbc85951948509b3b876e6422b7c7',
      secret: 'recording',
      user: 'demo',
    });
    const service = await fetch(`${keystone.url}/v3/auth/tokens`, {
      method: 'POST',
      body: JSON.stringify(
        recorded.find(({ name }) => name === 'issue by password, project scope')!.request.body,
      ),
    });
    tokens = {
      '{service token}': service.headers.get('x-subject-token')!,
      '{admin token}': keystone.issue({ userName: 'admin', scope: { kind: 'system' }, roles: ['admin'] }),
      '{10,000 times g}': 'g'.repeat(10_000),
    };
  });

  afterAll(() => keystone.close());

  it.each(recorded)('$name', async ({ name, request, response }) => {
    const token = subject(name);
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([header, value]) => [
        header,
        value === '{token}' ? token : (tokens[value] ?? value),
      ]),
    );
    const { method, path, body } = request;
    const answer = await fetch(keystone.url + path, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });

    const text = (await answer.text()).replaceAll(keystone.url, '{keystone}');
    const seen = Object.fromEntries(answer.headers);
    for (const header of ['connection', 'content-length', 'date', 'keep-alive']) delete seen[header];
    if (method === 'POST' && seen['x-subject-token']) seen['x-subject-token'] = '{token}';
    if (seen['x-subject-token'] === token) seen['x-subject-token'] = '{token}';
    if (seen['x-subject-token'] === tokens['{service token}']) seen['x-subject-token'] = '{service token}';
    if (seen['www-authenticate']) {
      seen['www-authenticate'] = seen['www-authenticate'].replaceAll(keystone.url, '{keystone}');
    }
    expect({
      status: answer.status,
      headers: seen,
      body: withoutIds(text === '' ? '' : JSON.parse(text)),
    }).toEqual({ ...response, body: withoutIds(response.body) });
  });
});

describe('FakeKeystone', () => {
  let keystone: FakeKeystone;
  let service: string;
  const project = { kind: 'project', id: 'p1', name: 'demo' } as const;

  beforeEach(async () => {
    keystone = await FakeKeystone.start();
    keystone.addUser({ name: 'images', password: 'secret', roles: ['service'] });
    service = await authenticate();
  });

  afterEach(() => keystone.close());

  async function authenticate(): Promise<string> {
    const user = { name: 'images', domain: { id: 'default' }, password: 'secret' };
    const scope = { project: { name: 'service', domain: { id: 'default' } } };
    const answer = await fetch(`${keystone.url}/v3/auth/tokens`, {
      method: 'POST',
      body: JSON.stringify({ auth: { identity: { methods: ['password'], password: { user } }, scope } }),
    });
    return answer.headers.get('x-subject-token')!;
  }

  function validate(token: string, signal?: AbortSignal): Promise<Response> {
    const headers = { 'x-auth-token': service, 'x-subject-token': token };
    return fetch(`${keystone.url}/v3/auth/tokens`, { headers, signal });
  }

  it('shows a token that was put there, with its ids, roles and catalog', async () => {
    const token = keystone.issue({
      userId: 'u1',
      userName: 'ann',
      scope: project,
      roles: ['member'],
      catalog: [],
    });
    const answer = await validate(token);
    expect(await answer.json()).toMatchObject({
      token: {
        user: { id: 'u1', name: 'ann' },
        project: { id: 'p1', name: 'demo' },
        roles: [{ name: 'member' }],
        catalog: [],
      },
    });
  });

  it('gives a user and an application credential the ids that addUser returns', async () => {
    const ids = keystone.addUser({ name: 'ann', password: 'x', project: 'demo', roles: ['member'] });
    keystone.addApplicationCredential({ id: 'c1', secret: 's', user: 'ann' });
    const answer = await fetch(`${keystone.url}/v3/auth/tokens`, {
      method: 'POST',
      body: JSON.stringify({
        auth: {
          identity: {
            methods: ['application_credential'],
            application_credential: { id: 'c1', secret: 's' },
          },
        },
      }),
    });
    expect(await answer.json()).toMatchObject({
      token: { user: { id: ids.userId }, project: { id: ids.projectId }, roles: [{ name: 'member' }] },
    });
  });

  it('ends the tokens got over the API, and no other', async () => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    keystone.expireServiceTokens();
    expect((await validate(token)).status).toBe(401);
    service = await authenticate();
    expect((await validate(token)).status).toBe(200);
  });

  it('records the requests', async () => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    await validate(token);
    expect(keystone.calls).toHaveLength(2);
    expect(keystone.callsOf('authentications')).toMatchObject([{ method: 'POST', path: '/v3/auth/tokens' }]);
    expect(keystone.callsOf('validations')).toMatchObject([
      { method: 'GET', path: '/v3/auth/tokens', token: service, subject: token },
    ]);
  });

  it('counts concurrent validations', async () => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    keystone.behave({ delay: 200 });
    await Promise.all([validate(token), validate(token), validate(token)]);
    await validate(token);
    expect(keystone.mostValidationsAtOnce).toBe(3);
  });

  it('answers late what was right when the request came', async () => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    keystone.behave({ delay: 300 });
    const answer = validate(token);
    while (keystone.callsOf('validations').length === 0) await new Promise(setImmediate);
    await new Promise((resolve) => setTimeout(resolve, 50));
    keystone.revoke(token);
    expect((await answer).status).toBe(200);
    expect((await validate(token)).status).toBe(404);
  });

  it('misbehaves towards one kind of call alone, and well again', async () => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    keystone.behave({ status: 500 }, 'validations');
    expect((await validate(token)).status).toBe(500);
    service = await authenticate();
    keystone.behave('well');
    expect((await validate(token)).status).toBe(200);
  });

  it.each<[Behaviour, string]>([
    ['cut', 'fetch failed'],
    ['half-body', 'terminated'],
    ['not-json', 'is not valid JSON'],
  ])('misbehaves: %s', async (how, message) => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    keystone.behave(how);
    const answer = validate(token).then((each) => each.json());
    await expect(answer).rejects.toThrow(message);
  });

  it('gives JSON that is no token', async () => {
    keystone.behave('wrong-json');
    expect(await (await validate('gAAAAAB')).json()).toEqual({ token: { user: null } });
  });

  it('never answers', async () => {
    keystone.behave('hang');
    await expect(validate('gAAAAAB', AbortSignal.timeout(200))).rejects.toThrow('timeout');
  });

  it('closes its port with a call hanging, and opens it again', async () => {
    const token = keystone.issue({ userName: 'ann', scope: project, roles: [] });
    keystone.behave('hang');
    const hanging = validate(token).catch((error: Error) => error.message);
    while (keystone.callsOf('validations').length === 0) await new Promise(setImmediate);
    await keystone.close();
    expect(await hanging).toBe('fetch failed');
    await expect(validate(token)).rejects.toThrow('fetch failed');
    keystone.behave('well');
    await keystone.reopen();
    expect((await validate(token)).status).toBe(200);
  });

  it('speaks https with the certificate it is given', async () => {
    const secure = await FakeKeystone.start({ tls: TLS });
    const status = await new Promise((resolve, reject) => {
      get(`${secure.url}/v3/`, { ca: TLS.cert }, (answer) => resolve(answer.resume().statusCode)).on(
        'error',
        reject,
      );
    });
    expect(status).toBe(200);
    await secure.close();
  });
});
