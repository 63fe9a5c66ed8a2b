import { FakeKeystone } from '@glimpse/auth/testing';
import { beforeAll, expect, it } from '@jest/globals';
import {
  authenticate,
  byCredential,
  byPassword,
  createCredential,
  describeWithKeystone,
  ownProject,
  type Cloud,
  type Credential,
} from './harness/cloud.js';

/** One request of the conversation; `{name}` is a token that an earlier step stored. */
interface Step {
  readonly name: string;
  readonly method?: string;
  readonly path?: string;
  readonly token?: string;
  readonly subject?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  /** The name under which the token of the response is stored. */
  readonly keep?: string;
}

interface KeystoneResponse {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: unknown;
}

const ACCESS_RULES = [{ service: 'compute', method: 'GET', path: '/v2.1/images/*' }];

interface Credentials {
  readonly plain: Credential;
  readonly restricted: Credential;
}

/** The requests to both, which have the same users, passwords and credentials. */
function conversation({ people }: Cloud, { plain, restricted }: Credentials): Step[] {
  const password = (name: keyof typeof people, changes: object = {}): object => ({
    methods: ['password'],
    password: {
      user: { name, domain: { id: 'default' }, password: people[name].env['OS_PASSWORD'], ...changes },
    },
  });
  const project = (name: string): object => ({ project: { name, domain: { id: 'default' } } });
  const issue = (name: string, identity: unknown, scope?: unknown, more: Partial<Step> = {}): Step => ({
    name,
    method: 'POST',
    body: { auth: { identity, scope } },
    ...more,
  });
  const validate = (name: string, subject: string, more: Partial<Step> = {}): Step => ({
    name,
    token: '{service}',
    subject,
    ...more,
  });
  const nocatalog = { path: '/v3/auth/tokens?nocatalog' };

  return [
    { name: 'the version', path: '/v3/' },
    { name: 'the version without a slash', path: '/v3' },
    issue('the service by password', password('glimpse'), project('service'), { keep: 'service' }),
    issue('a user by password', password('demo'), project('demo'), { keep: 'demo' }),
    issue('another token of the user', password('demo'), project('demo'), { ...nocatalog, keep: 'again' }),
    issue(
      'a user by domain name',
      password('alt', { domain: { name: 'Default' } }),
      { project: { name: 'alt', domain: { name: 'Default' } } },
      { keep: 'alt' },
    ),
    issue('an administrator', password('admin'), project('admin'), { keep: 'admin' }),
    issue('the system', password('admin'), { system: { all: true } }, { keep: 'system' }),
    issue('a domain by id', password('admin'), { domain: { id: 'default' } }, { keep: 'domain' }),
    issue('a domain by name', password('admin'), { domain: { name: 'Default' } }),
    issue('unscoped', password('demo'), 'unscoped', { keep: 'unscoped' }),
    issue('no scope', password('demo')),
    issue('a credential', byCredential(plain), undefined, { keep: 'plain' }),
    issue('a restricted credential', byCredential(restricted), undefined, { keep: 'restricted' }),

    issue('a wrong password', password('demo', { password: 'wrong' }), project('demo')),
    issue('nobody', password('demo', { name: 'nobody' }), project('demo')),
    issue('another domain', password('demo', { domain: { id: 'other' } }), project('demo')),
    issue('a project without a role', password('demo'), project('alt')),
    issue('a project that is not there', password('demo'), project('nowhere')),
    issue('the system without a role', password('demo'), { system: { all: true } }),
    issue('a domain without a role', password('demo'), { domain: { id: 'default' } }),
    issue('a wrong secret', byCredential({ ...plain, secret: 'wrong' })),
    issue('no such credential', byCredential({ id: 'f'.repeat(32), secret: 'wrong' })),
    { name: 'no JSON', method: 'POST', body: '{' },
    { name: 'no auth', method: 'POST', body: {} },
    { name: 'JSON that is no object', method: 'POST', body: '[]' },

    validate('a project’s token', '{demo}'),
    validate('without the catalog', '{demo}', nocatalog),
    validate('one with padding', '{demo}=', nocatalog),
    validate('one with more padding than there can be', '{demo}===', nocatalog),
    validate('another project’s', '{alt}', nocatalog),
    validate('the system’s', '{system}', nocatalog),
    validate('the system’s with the catalog', '{system}'),
    validate('a domain’s', '{domain}', nocatalog),
    validate('an unscoped one', '{unscoped}'),
    validate('the service’s own', '{service}', nocatalog),
    validate('a credential’s', '{plain}', nocatalog),
    validate('a restricted one, rules not enforced', '{restricted}', nocatalog),
    validate('a restricted one, rules enforced', '{restricted}', {
      headers: { 'openstack-identity-access-rules': '1.0' },
    }),
    validate('not expired, allow_expired', '{demo}', { path: '/v3/auth/tokens?allow_expired=1&nocatalog' }),
    validate('an expired one', '{expired}', nocatalog),
    validate('an expired one, allow_expired', '{expired}', {
      path: '/v3/auth/tokens?allow_expired=1&nocatalog',
    }),
    validate('an expired one, allow_expired=true', '{expired}', {
      path: '/v3/auth/tokens?nocatalog&allow_expired=true',
    }),
    validate('an expired one, allow_expired=0', '{expired}', {
      path: '/v3/auth/tokens?allow_expired=0&nocatalog',
    }),
    validate('garbage', 'garbage'),
    validate('garbage in the form of a token', `gAAAAAB${'x'.repeat(180)}`),
    validate('a long one', 'g'.repeat(10_000)),
    { name: 'no subject', token: '{service}' },
    validate('no service token', '{demo}', { token: undefined }),
    validate('a service token that is garbage', '{demo}', { token: 'garbage' }),
    validate('a service token that is over', '{demo}', { token: '{expired}' }),
    validate('a user’s own token', '{again}', { token: '{demo}', ...nocatalog }),
    validate('a user about another’s', '{alt}', { token: '{demo}' }),
    validate('a user about garbage', 'garbage', { token: '{demo}' }),
    validate('a user about an expired one', '{expired}', { token: '{alt}' }),
    validate('an administrator about another’s', '{alt}', { token: '{admin}', ...nocatalog }),
    validate('the system about another’s', '{alt}', { token: '{system}', ...nocatalog }),

    validate('a user revokes another’s', '{alt}', { method: 'DELETE', token: '{demo}' }),
    validate('the service revokes', '{unscoped}', { method: 'DELETE' }),
    validate('revokes garbage', 'garbage', { method: 'DELETE' }),
    validate('revokes without a token', '{again}', { method: 'DELETE', token: undefined }),
    validate('a user revokes their own', '{again}', { method: 'DELETE', token: '{demo}' }),
    validate('a revoked one', '{again}'),
    validate('a revoked one, allow_expired', '{again}', { path: '/v3/auth/tokens?allow_expired=1' }),
    validate('a revoked one again', '{again}', { method: 'DELETE' }),
    validate('a service token that is revoked', '{demo}', { token: '{again}' }),
    validate('an administrator revokes', '{alt}', { method: 'DELETE', token: '{admin}' }),
    validate('one revoked by an administrator', '{alt}'),
    validate('the others go on', '{demo}', nocatalog),
  ];
}

async function hold(
  url: string,
  steps: readonly Step[],
  kept: Map<string, string>,
): Promise<Map<string, KeystoneResponse>> {
  const responses = new Map<string, KeystoneResponse>();
  const meant = (token: string): string => token.replace(/^\{(\w+)\}/, (_, name: string) => kept.get(name)!);
  for (const {
    name,
    method = 'GET',
    path = '/v3/auth/tokens',
    token,
    subject,
    body,
    keep,
    ...more
  } of steps) {
    const headers = {
      ...(token !== undefined && { 'x-auth-token': meant(token) }),
      ...(subject !== undefined && { 'x-subject-token': meant(subject) }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...more.headers,
    };
    const response = await fetch(url + path, {
      method,
      headers,
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    if (keep !== undefined) kept.set(keep, response.headers.get('x-subject-token') ?? '');
    responses.set(name, {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: text,
    });
  }
  return responses;
}

/** The headers that do not depend on Keystone, or that name this one alone. */
function comparable(
  { status, headers, body }: KeystoneResponse,
  url: string,
  cloud: Cloud,
): KeystoneResponse {
  const seen: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (/^(?:connection|content-length|date|keep-alive|x-openstack-request-id)$/.test(name)) continue;
    seen[name] = name === 'x-subject-token' ? '{token}' : value.replaceAll(url, '{keystone}');
  }
  const text = String(body)
    .replaceAll(url, '{keystone}')
    .replaceAll(`${cloud.compute}/`, 'http://127.0.0.1:8774/')
    .replaceAll(cloud.image, 'http://127.0.0.1:9292')
    .replaceAll(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"/g, '"{time}"')
    .replaceAll(/"[0-9a-f]{32}"/g, '"{id}"');
  let document: unknown = text;
  try {
    document = JSON.parse(text, (key, value: unknown) => {
      if (key === 'audit_ids') return (value as string[]).map(() => '{audit id}');
      if (key === 'application_credential') return { ...(value as object), name: '{name}' };
      // Their order is arbitrary.
      if (/^(?:roles|catalog|endpoints)$/.test(key) && Array.isArray(value)) {
        return value.map((each) => JSON.stringify(each)).sort();
      }
      return value;
    });
  } catch {
    // Some bodies are empty.
  }
  return { status, headers: seen, body: document };
}

describeWithKeystone('the fake Keystone and the real one give the same responses', (cloud) => {
  const { authUrl, shortLivedAuthUrl, people } = cloud;
  const real = authUrl.replace(/\/v3$/, '');
  let fakeUrl = '';
  let fromReal: Map<string, KeystoneResponse>;
  let fromFake: Map<string, KeystoneResponse>;

  beforeAll(async () => {
    const { demo } = people;
    const credentials = {
      plain: await createCredential(cloud, demo),
      restricted: await createCredential(cloud, demo, ACCESS_RULES),
    };
    const expired = await authenticate(shortLivedAuthUrl, byPassword(demo), ownProject(demo));
    const fake = await FakeKeystone.start();
    fakeUrl = fake.url;
    for (const [name, roles] of [
      ['demo', ['member', 'reader']],
      ['alt', ['member', 'reader']],
      ['admin', ['admin', 'member', 'reader']],
      ['glimpse', ['service', 'admin', 'member', 'reader']],
    ] as const) {
      const { OS_PASSWORD: password = '', OS_PROJECT_NAME: project } = people[name].env;
      fake.addUser({ name, password, project, roles, everywhere: name === 'admin' });
    }
    fake.addApplicationCredential({ ...credentials.plain, user: 'demo' });
    fake.addApplicationCredential({ ...credentials.restricted, user: 'demo', accessRules: ACCESS_RULES });
    const fakeExpired = fake.issue({
      userName: 'demo',
      scope: { kind: 'project', id: demo.projectId, name: 'demo' },
      roles: ['member', 'reader'],
      expiresIn: -1,
    });
    const over = async (): Promise<boolean> => {
      const headers = { 'x-auth-token': expired, 'x-subject-token': expired };
      return (await fetch(`${authUrl}/auth/tokens`, { headers })).status === 401;
    };
    while (!(await over())) await new Promise((resolve) => setTimeout(resolve, 100));

    const steps = conversation(cloud, credentials);
    fromReal = await hold(real, steps, new Map([['expired', expired]]));
    fromFake = await hold(fake.url, steps, new Map([['expired', fakeExpired]]));
    await fake.close();
  });

  const none = { id: '', secret: '' };
  it.each(conversation(cloud, { plain: none, restricted: none }))('$name', ({ name }) => {
    expect(comparable(fromFake.get(name)!, fakeUrl, cloud)).toEqual(
      comparable(fromReal.get(name)!, real, cloud),
    );
  });
});
