import { describe, expect, it } from '@jest/globals';
import type { AccessRule, Identity } from '@glimpse/domain';
import type { Authentication, AuthenticationRequest, Authenticator } from '@glimpse/plugins';
import { AuthenticationUnavailable, Unauthenticated } from './errors.js';
import { authenticateRequest, type RequestAuthenticator } from './authenticate-request.js';

const CHALLENGE = 'Keystone uri="http://keystone.example.com"';
const A = '/v2.1/images/70a599e0-31e7-49b7-b260-868f441e862b';
const ONLY_LISTS: AccessRule[] = [{ service: 'compute', method: 'GET', path: '/v2.1/images' }];

function identity(userName: string, changes: Partial<Identity> = {}): Identity {
  return {
    userId: `id of ${userName}`,
    userName,
    scope: { kind: 'project', id: '66c50f42ace742efaaf201e7ba0fe751', name: 'demo' },
    roles: ['member'],
    accessRules: null,
    expiresAt: null,
    service: false,
    ...changes,
  };
}

/** An authenticator that knows these tokens, and records the requests. */
class Tokens implements Authenticator {
  readonly challenge = CHALLENGE;
  readonly requests: [token: string, request: AuthenticationRequest | undefined][] = [];

  /** @param atOnce whether it answers without a promise */
  constructor(private readonly atOnce = false) {}

  authenticate(token: string, request?: AuthenticationRequest): Authentication | Promise<Authentication> {
    this.requests.push([token, request]);
    const answer = this.answer(token, request?.allowExpired ?? false);
    return this.atOnce ? answer : Promise.resolve(answer);
  }

  private answer(token: string, allowExpired: boolean): Authentication {
    const found = (identity: Identity): Authentication => ({ outcome: 'identity', identity });
    switch (token) {
      case 'demo':
        return found(identity('demo'));
      case 'restricted':
        return found(identity('restricted', { accessRules: ONLY_LISTS }));
      case 'nothing-allowed':
        return found(identity('nothing-allowed', { accessRules: [] }));
      case 'expired':
        return allowExpired
          ? found(identity('expired', { expiresAt: new Date('2026-01-01T00:00:00Z') }))
          : { outcome: 'invalid' };
      case 'expired-restricted':
        return allowExpired
          ? found(identity('expired-restricted', { accessRules: ONLY_LISTS }))
          : { outcome: 'invalid' };
      case 'nova':
        return found(identity('nova', { roles: ['service'], service: true }));
      case 'nova-restricted':
        return found(identity('nova', { roles: ['service'], service: true, accessRules: ONLY_LISTS }));
      case 'nova-expired':
        return allowExpired
          ? found(identity('nova', { roles: ['service'], service: true }))
          : { outcome: 'invalid' };
      case 'away':
        return { outcome: 'unavailable', retryAfter: 7 };
      default:
        return { outcome: 'invalid' };
    }
  }
}

interface Sent {
  readonly token?: string | string[];
  readonly service?: string | string[];
  readonly cacheControl?: string;
  readonly method?: string;
  readonly path?: string;
}

type Options = Omit<RequestAuthenticator, 'authenticator' | 'serviceType'>;

async function authenticate(
  sent: Sent,
  authenticator = new Tokens(),
  serviceType = 'compute',
  options: Options = {},
): Promise<Identity> {
  const { token, service, cacheControl, method = 'GET', path = A } = sent;
  const headers = { 'x-auth-token': token, 'x-service-token': service, 'cache-control': cacheControl };
  return authenticateRequest({ authenticator, serviceType, ...options }, { method, path, headers });
}

/** The identity or the refusal of a request, the same from a synchronous and an asynchronous authenticator. */
async function verdict(sent: Sent, options?: Options): Promise<string> {
  const later = await verdictBy(new Tokens(), sent, options);
  const atOnce = await verdictBy(new Tokens(true), sent, options);
  expect(atOnce).toBe(later);
  return later;
}

async function verdictBy(tokens: Tokens, sent: Sent, options?: Options): Promise<string> {
  try {
    return (await authenticate(sent, tokens, 'compute', options)).userName;
  } catch (error) {
    if (error instanceof Unauthenticated) {
      expect(error.challenge).toBe(CHALLENGE);
      return '401';
    }
    if (error instanceof AuthenticationUnavailable) return `503 after ${error.retryAfter}`;
    throw error;
  }
}

describe('authenticateRequest', () => {
  it.each([undefined, {}, { authenticator: {}, serviceType: 'compute' }, { authenticator: new Tokens() }])(
    'refuses the options %j before it reads the request',
    async (options) => {
      await expect(authenticateRequest(options as never, undefined as never)).rejects.toMatchObject({
        code: 'invalid-options',
        message: expect.stringMatching(/^(?:authenticator|serviceType) is missing: it must be /),
      });
    },
  );

  it.each<[why: string, sent: Sent, verdict: string]>([
    ['a valid token', { token: 'demo' }, 'demo'],
    ['no token', {}, '401'],
    ['an empty token', { token: '' }, '401'],
    ['an unknown token', { token: 'garbage' }, '401'],
    ['an expired token', { token: 'expired' }, '401'],
    ['a token that cannot be validated', { token: 'away' }, '503 after 7'],
    ['two tokens', { token: ['demo', 'demo'] }, '401'],
    ['a service token alone', { service: 'nova' }, '401'],
    ['a service token in the place of a user token', { token: 'nova' }, 'nova'],
  ])('answers %s', async (_, sent, expected) => {
    expect(await verdict(sent)).toBe(expected);
  });

  it.each<[why: string, sent: Sent, verdict: string]>([
    ['what a rule names', { token: 'restricted', path: '/v2.1/images' }, 'restricted'],
    ['another path', { token: 'restricted' }, '401'],
    ['another method', { token: 'restricted', path: '/v2.1/images', method: 'DELETE' }, '401'],
    ['anything, with an empty list of rules', { token: 'nothing-allowed', path: '/v2.1/images' }, '401'],
  ])('holds a restricted token to its access rules: %s', async (_, sent, expected) => {
    expect(await verdict(sent)).toBe(expected);
  });

  it('gives the service that sent the request for its user', async () => {
    const projectId = '66c50f42ace742efaaf201e7ba0fe751';
    expect(await authenticate({ token: 'demo', service: 'nova' })).toMatchObject({
      userId: 'id of demo',
      forwardedBy: { userId: 'id of nova', projectId, roles: ['service'] },
    });
    expect(await authenticate({ token: 'demo' })).not.toHaveProperty('forwardedBy');
  });

  it('checks access rules of the type of this service', async () => {
    const sent = { token: 'restricted', path: '/v2.1/images' };
    await expect(authenticate(sent, new Tokens(), 'image')).rejects.toThrow(Unauthenticated);
  });

  it.each<[why: string, sent: Sent, verdict: string]>([
    ['vouches for a valid token', { token: 'demo', service: 'nova' }, 'demo'],
    ['lets an expired token pass', { token: 'expired', service: 'nova' }, 'expired'],
    ['lifts access rules', { token: 'restricted', service: 'nova' }, 'restricted'],
    ['lifts an empty list of them', { token: 'nothing-allowed', service: 'nova' }, 'nothing-allowed'],
    ['lifts both at once', { token: 'expired-restricted', service: 'nova' }, 'expired-restricted'],
    ['saves no unknown token', { token: 'garbage', service: 'nova' }, '401'],
    ['does not help a token that cannot be validated', { token: 'away', service: 'nova' }, '503 after 7'],
    ['is none while empty', { token: 'demo', service: '' }, 'demo'],
    ['lifts nothing while empty', { token: 'restricted', service: '' }, '401'],
    ['lets no expired token pass while empty', { token: 'expired', service: '' }, '401'],
  ])('with a service token that counts: %s', async (_, sent, expected) => {
    expect(await verdict(sent)).toBe(expected);
  });

  it.each<[why: string, service: string | string[], verdict: string]>([
    ['is unknown', 'garbage', '401'],
    ['has expired', 'nova-expired', '401'],
    ['has no service role', 'demo', '401'],
    ['is restricted itself', 'nova-restricted', '401'],
    ['is one of two', ['nova', 'demo'], '401'],
    ['cannot be validated', 'away', '503 after 7'],
  ])('refuses every request whose service token %s', async (_, service, expected) => {
    for (const token of ['demo', 'restricted', 'expired', 'nova', 'garbage']) {
      expect(await verdict({ token, service, path: '/v2.1/images' })).toBe(expected);
    }
  });

  it.each<[why: string, sent: Sent, verdict: string]>([
    ['is unknown', { token: 'demo', service: 'garbage' }, 'demo'],
    ['has expired', { token: 'demo', service: 'nova-expired' }, 'demo'],
    ['has no service role', { token: 'demo', service: 'demo' }, 'demo'],
    ['is restricted itself', { token: 'demo', service: 'nova-restricted' }, 'demo'],
    ['is unknown, and then lifts no access rules', { token: 'restricted', service: 'garbage' }, '401'],
    ['is unknown, and then renews no token', { token: 'expired', service: 'garbage' }, '401'],
    ['counts', { token: 'expired-restricted', service: 'nova' }, 'expired-restricted'],
    ['cannot be validated', { token: 'demo', service: 'away' }, '503 after 7'],
  ])('may ignore a service token that %s', async (_, sent, expected) => {
    expect(await verdict(sent, { ignoresUselessServiceTokens: true })).toBe(expected);
  });

  it('accepts an expired user token only with a service token, and never an expired service token', async () => {
    const tokens = new Tokens();
    await authenticate({ token: 'demo' }, tokens);
    await authenticate({ token: 'demo', service: 'nova' }, tokens);
    const source = expect.anything();
    expect(tokens.requests).toEqual([
      ['demo', { fresh: false, source }],
      ['nova', { fresh: false, source }],
      ['demo', { fresh: false, source, allowExpired: true }],
    ]);
  });

  it('validates nothing for a request without a token', async () => {
    const tokens = new Tokens();
    await expect(authenticate({ service: 'nova' }, tokens)).rejects.toThrow(Unauthenticated);
    expect(tokens.requests).toEqual([]);
  });

  it.each([
    [undefined, false],
    ['', false],
    ['no-cache', true],
    ['No-Cache', true],
    ['max-age=0, no-cache', true],
    ['no-cache,no-store', true],
    ['max-age=0', false],
    ['no-store', false],
    ['not-no-cache', false],
    ['no-cached', false],
  ])('with Cache-Control %j bypasses the cache: %s', async (cacheControl, fresh) => {
    const tokens = new Tokens();
    await authenticate({ token: 'demo', service: 'nova', cacheControl }, tokens);
    expect(tokens.requests.map(([, request]) => request?.fresh)).toEqual([fresh, fresh]);
  });

  it.each<[{ remoteAddress: string } | undefined, string | undefined, string, RegExp]>([
    [{ remoteAddress: '10.0.0.1' }, undefined, '10.0.0.1', /^connection \d+$/],
    [{ remoteAddress: '10.0.0.1' }, '192.0.2.9, 192.0.2.1', '10.0.0.1', /^192\.0\.2\.1$/],
    [{ remoteAddress: '::ffff:10.0.0.1' }, '', '10.0.0.1', /^connection \d+$/],
    [{ remoteAddress: '2001:db8:1:2:3:4:5:6' }, undefined, '2001:db8:1:2', /^connection \d+$/],
    [{ remoteAddress: '2001:db8::1' }, '2001:db8:7:8:9::1', '2001:db8:0:0', /^2001:db8:7:8$/],
    [undefined, undefined, '', /^$/],
  ])(
    'knows the source of a request: connection %j, X-Forwarded-For %j',
    async (socket, forwarded, network, name) => {
      const tokens = new Tokens();
      const headers = { 'x-auth-token': 'demo', 'x-forwarded-for': forwarded };
      await authenticateRequest(
        { authenticator: tokens, serviceType: 'compute' },
        { method: 'GET', path: '/v2.1/images', headers, socket },
      );
      const { address, client } = tokens.requests[0]![1]!.source!;
      expect(address).toBe(network);
      expect(client).toMatch(name);
    },
  );

  it('checks the same token again for each request', async () => {
    const tokens = new Tokens();
    const allowed = await authenticate({ token: 'restricted', path: '/v2.1/images' }, tokens);
    expect(allowed.userName).toBe('restricted');
    await expect(authenticate({ token: 'restricted' }, tokens)).rejects.toThrow(Unauthenticated);
  });

  it('answers at once where the authenticator does and lets the request pass', async () => {
    const authenticateNow = (token: string, path = A): unknown =>
      authenticateRequest(
        { authenticator: new Tokens(true), serviceType: 'compute' },
        { method: 'GET', path, headers: { 'x-auth-token': token } },
      );
    expect(authenticateNow('demo')).toEqual(identity('demo'));
    expect(authenticateNow('restricted', '/v2.1/images')).toMatchObject({ userName: 'restricted' });
    for (const token of ['', 'garbage', 'restricted']) {
      const refusal = authenticateNow(token);
      expect(refusal).toBeInstanceOf(Promise);
      await expect(refusal).rejects.toThrow(Unauthenticated);
    }
  });

  it.each([
    ['rejects', () => Promise.reject(new TypeError('a bug'))],
    [
      'throws',
      () => {
        throw new TypeError('a bug');
      },
    ],
  ])('lets a failure of the authenticator through as it is: it %s', async (_, authenticate) => {
    const authenticator: Authenticator = { challenge: CHALLENGE, authenticate };
    const request = { method: 'GET', path: A, headers: { 'x-auth-token': 'demo' } };
    await expect(authenticateRequest({ authenticator, serviceType: 'compute' }, request)).rejects.toThrow(
      'a bug',
    );
  });
});
