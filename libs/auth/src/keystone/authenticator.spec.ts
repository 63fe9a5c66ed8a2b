import { readFileSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { until } from '@glimpse/domain/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AccessRule, Scope } from '@glimpse/domain';
import { definePlugin, type Authentication, type Authenticator, type RequestSource } from '@glimpse/plugins';
import { checkAuthenticator } from '@glimpse/plugins/testing';
import { FakeKeystone, type Behaviour, type TokenToIssue } from '../testing/index.js';
import { newToken } from '../testing/documents.js';
import { createKeystoneAuthenticator, type KeystoneOptions } from './index.js';

const DEMO: Scope = { kind: 'project', id: '66c50f42ace742efaaf201e7ba0fe751', name: 'demo' };
const SERVICE = { username: 'glimpse', password: 'a-service-password', projectName: 'service' };
const INVALID: Authentication = { outcome: 'invalid' };

let keystone: FakeKeystone;
/** The events of the authenticator in order, without outcomes of tokens. */
let events: string[];
/** How far the authenticator's clocks are ahead, in milliseconds. */
let ahead: number;
/** How far the calendar is ahead of that. */
let skew: number;
/** The outcome of each token, and its source. */
let outcomes: string[];

beforeEach(async () => {
  keystone = await FakeKeystone.start();
  keystone.addUser({ name: SERVICE.username, password: SERVICE.password, roles: ['service'] });
  events = [];
  ahead = 0;
  skew = 0;
  outcomes = [];
});

afterEach(() => keystone.close());

function authenticator(options: Partial<KeystoneOptions> = {}): Authenticator {
  // One that outlives its test says nothing in the next.
  const [ownEvents, ownOutcomes] = [events, outcomes];
  return createKeystoneAuthenticator(
    { authUrl: keystone.url, ...SERVICE, ...options },
    {
      observe(name, known) {
        if (name !== 'token-validated') ownEvents.push('reason' in known ? `${name}: ${known.reason}` : name);
        else if ('source' in known) ownOutcomes.push(`${known.outcome} by ${known.source}`);
      },
      clock: { monotonic: () => performance.now() + ahead, today: () => Date.now() + ahead + skew },
    },
  );
}

function issue(changes: Partial<TokenToIssue> = {}): string {
  return keystone.issue({ userName: 'demo', scope: DEMO, roles: ['member', 'reader'], ...changes });
}

const validations = (): number => keystone.callsOf('validations').length;
const authentications = (): number => keystone.callsOf('authentications').length;

async function userOf(pending: Authentication | Promise<Authentication>): Promise<string> {
  const authentication = await pending;
  return authentication.outcome === 'identity' ? authentication.identity.userName : authentication.outcome;
}

it('the authenticator conforms to the contract of plugins', () => {
  const plugin = definePlugin({ kind: 'authenticator', contract: 1, create: () => authenticator() });
  return checkAuthenticator(plugin, { token: issue() });
});

describe('whose a token is', () => {
  it('comes from Keystone, with all attributes of the caller', async () => {
    const token = issue({ userId: '7dc69073a6354f2387ca9a876245253a' });
    const authentication = await authenticator().authenticate(token);
    expect(authentication).toEqual({
      outcome: 'identity',
      identity: {
        userId: '7dc69073a6354f2387ca9a876245253a',
        userName: 'demo',
        userDomainId: 'default',
        scope: { ...DEMO, domainId: 'default' },
        roles: ['member', 'reader'],
        accessRules: null,
        expiresAt: expect.any(Date),
        service: false,
        isAdminProject: true,
      },
    });
  });

  it.each<Scope>([
    DEMO,
    { kind: 'domain', id: 'default', name: 'Default' },
    { kind: 'system' },
    { kind: 'none' },
  ])('has the scope $kind', async (scope) => {
    expect(await authenticator().authenticate(issue({ scope }))).toMatchObject({ identity: { scope } });
  });

  it.each([
    [['Service'], ['service'], true],
    [['member'], ['service'], false],
    [['nova'], ['service', 'NOVA'], true],
    [[], ['service'], false],
  ])('is with the roles %j and the service roles %j a service: %s', async (roles, serviceRoles, service) => {
    const authentication = await authenticator({ serviceRoles }).authenticate(issue({ roles }));
    expect(authentication).toMatchObject({ identity: { service } });
  });

  it('is requested without the catalog, and declares that access rules are enforced here', async () => {
    await authenticator().authenticate(issue());
    const [call] = keystone.callsOf('validations');
    expect(call).toMatchObject({ path: '/v3/auth/tokens?nocatalog' });
    expect(call!.headers).toMatchObject({ 'openstack-identity-access-rules': '1.0' });
  });

  it('has the access rules of services in the catalog, which is requested only then', async () => {
    const rules = ['compute', 'image', 'dns'].map((service): AccessRule => ({
      service,
      method: 'GET',
      path: '/v2.1/images',
    }));
    const authentication = await authenticator().authenticate(issue({ accessRules: rules }));
    expect(authentication).toMatchObject({ identity: { accessRules: rules.slice(0, 2) } });
    expect(keystone.callsOf('validations').map(({ path }) => path)).toEqual([
      '/v3/auth/tokens?nocatalog',
      '/v3/auth/tokens',
    ]);
  });

  it('is restricted to nothing where the catalog has no service of its rules', async () => {
    const accessRules = [{ service: 'dns', method: 'GET', path: '/**' }];
    const authentication = await authenticator().authenticate(issue({ accessRules }));
    expect(authentication).toMatchObject({ identity: { accessRules: [] } });
  });
});

describe('the challenge', () => {
  it('names Keystone, where clients find it', () => {
    expect(authenticator().challenge).toBe(`Keystone uri="${keystone.url}"`);
    const publicUrl = 'https://keystone.example.com:5000';
    expect(authenticator({ publicUrl }).challenge).toBe(`Keystone uri="${publicUrl}"`);
  });
});

describe('a token that is not valid', () => {
  it.each([
    ['made up', () => 'gAAAAA-not-a-token'],
    ['expired', () => issue({ expiresIn: -1 })],
    [
      'revoked',
      () => {
        const token = issue();
        keystone.revoke(token);
        return token;
      },
    ],
  ])('is one that is %s', async (_, make) => {
    expect(await authenticator().authenticate(make())).toEqual(INVALID);
  });

  it.each([
    ['empty', ''],
    ['a space', ' '],
    ['two words', 'two words'],
    ['two lines', 'two\nlines'],
    ['not ASCII', 'ünknown'],
    ['too long', 'a'.repeat(8_191)],
    ['a control character', '\u0000'],
  ])('is one that cannot be a token, being %s, without a call', async (_, token) => {
    expect(await authenticator().authenticate(token)).toEqual(INVALID);
    expect(keystone.calls).toEqual([]);
  });

  it('is one that Keystone shows with its end in the past, unless that was allowed', async () => {
    const token = issue({ expiresIn: 60 });
    ahead = 61_000;
    expect(await authenticator().authenticate(token)).toEqual(INVALID);
    expect(await userOf(authenticator().authenticate(token, { allowExpired: true }))).toBe('demo');
  });

  it('is not validated again for ten seconds, not even with no-cache', async () => {
    const subject = authenticator();
    for (const request of [{}, {}, { fresh: true }]) {
      expect(await subject.authenticate('garbage', request)).toEqual(INVALID);
    }
    expect(validations()).toBe(1);
    ahead = 10_001;
    await subject.authenticate('garbage');
    expect(validations()).toBe(2);
  });

  it('pushes out no valid one, though ten thousand are made up', async () => {
    const subject = authenticator({ concurrency: 100, queue: 10_000, timeout: 60 });
    const real = Array.from({ length: 20 }, () => issue());
    for (const token of real) await subject.authenticate(token);
    await Promise.all(Array.from({ length: 10_000 }, (_, i) => subject.authenticate(`made-up-${i}`)));
    const before = validations();
    for (const token of real) expect(await userOf(subject.authenticate(token))).toBe('demo');
    expect(validations()).toBe(before);
  }, 60_000);
});

describe('what is known of a token', () => {
  it('is validated again only after the cache time', async () => {
    const subject = authenticator({ cache: 100 });
    const token = issue();
    for (const seconds of [0, 99, 101]) {
      ahead = seconds * 1000;
      expect(await userOf(subject.authenticate(token))).toBe('demo');
    }
    expect(validations()).toBe(2);
  });

  it('ends with the token, whatever the cache time', async () => {
    const subject = authenticator();
    const token = issue({ expiresIn: 60 });
    expect(await userOf(subject.authenticate(token))).toBe('demo');
    ahead = 61_000;
    expect(await subject.authenticate(token)).toEqual(INVALID);
  });

  it('goes on after a revocation until the cache time is over, or a client sends no-cache', async () => {
    const subject = authenticator();
    const token = issue();
    await subject.authenticate(token);
    keystone.revoke(token);
    expect(await userOf(subject.authenticate(token))).toBe('demo');
    expect(await subject.authenticate(token, { fresh: true })).toEqual(INVALID);
    expect(await subject.authenticate(token)).toEqual(INVALID);
  });

  it('is no answer for an expired one: that its expiry was waived is forgotten at once', async () => {
    const subject = authenticator();
    const token = issue({ expiresIn: -60 });
    expect(await userOf(subject.authenticate(token, { allowExpired: true }))).toBe('demo');
    expect(await subject.authenticate(token)).toEqual(INVALID);
    expect(await userOf(subject.authenticate(token, { allowExpired: true }))).toBe('demo');
    expect(keystone.callsOf('validations').map(({ path }) => path)).toEqual([
      '/v3/auth/tokens?allow_expired=1&nocatalog',
      '/v3/auth/tokens?nocatalog',
    ]);
  });

  it('serves a request with a service token, too, as long as the token has not expired', async () => {
    const subject = authenticator();
    const token = issue();
    await subject.authenticate(token);
    ahead = 200_000;
    expect(await userOf(subject.authenticate(token, { allowExpired: true }))).toBe('demo');
    expect(validations()).toBe(1);
  });

  it('ends for all when it is not valid even with its expiry waived', async () => {
    const subject = authenticator();
    const token = issue();
    await subject.authenticate(token);
    keystone.revoke(token);
    expect(await subject.authenticate(token, { allowExpired: true, fresh: true })).toEqual(INVALID);
    expect(await subject.authenticate(token)).toEqual(INVALID);
  });

  it('ends with the token though the calendar is set back', async () => {
    const subject = authenticator({ outage: 86_400 });
    const token = issue({ expiresIn: 60 });
    await subject.authenticate(token);
    await keystone.close();
    ahead = 61_000;
    skew = -7_200_000;
    expect(await subject.authenticate(token)).toMatchObject({ outcome: 'unavailable' });
  });

  it('holds ten seconds at most where its expiry was waived', async () => {
    const subject = authenticator({ outage: 3600 });
    const token = issue({ expiresIn: -60 });
    await subject.authenticate(token, { allowExpired: true });
    ahead = 10_001;
    await keystone.close();
    expect(await subject.authenticate(token, { allowExpired: true })).toMatchObject({
      outcome: 'unavailable',
    });
  });

  it('is shared by concurrent requests, except those with no-cache', async () => {
    keystone.behave({ delay: 100 }, 'validations');
    const subject = authenticator();
    const token = issue();
    const all = Array.from({ length: 50 }, () => userOf(subject.authenticate(token)));
    expect(new Set(await Promise.all(all))).toEqual(new Set(['demo']));
    expect(validations()).toBe(1);
    ahead = 301_000;
    const first = subject.authenticate(token);
    const fresh = subject.authenticate(token, { fresh: true });
    await Promise.all([first, fresh]);
    expect(validations()).toBe(3);
  });

  it('is not what a slower call, sent before the revocation, brings back', async () => {
    const subject = authenticator();
    const token = issue();
    await subject.authenticate(issue());
    keystone.behave({ delay: 300 }, 'validations');
    const slow = subject.authenticate(token);
    await until(() => validations() === 2);
    keystone.revoke(token);
    keystone.behave('well');
    expect(await subject.authenticate(token, { fresh: true })).toEqual(INVALID);
    expect(await userOf(slow)).toBe('demo');
    expect(await subject.authenticate(token)).toEqual(INVALID);
  });
});

describe("the service's own token", () => {
  it('is fetched once, and again before it ends, without a request waiting', async () => {
    const subject = authenticator();
    await Promise.all([subject.authenticate(issue()), subject.authenticate(issue())]);
    expect(authentications()).toBe(1);
    ahead = 3600 * 0.81 * 1000;
    keystone.behave({ delay: 200 }, 'authentications');
    expect(await userOf(subject.authenticate(issue({ expiresIn: 7200 })))).toBe('demo');
    await subject.authenticate(issue({ expiresIn: 7200 }));
    expect(authentications()).toBe(2);
  });

  it('is renewed at once when Keystone no longer accepts it', async () => {
    const subject = authenticator();
    await subject.authenticate(issue());
    keystone.expireServiceTokens();
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
    expect(authentications()).toBe(2);
    expect(events).toEqual([]);
  });

  it('comes by an application credential, too', async () => {
    keystone.addApplicationCredential({ id: 'credential', secret: 'hush', user: 'glimpse' });
    const subject = createKeystoneAuthenticator({
      authUrl: `${keystone.url}/v3/`,
      applicationCredentialId: 'credential',
      applicationCredentialSecret: 'hush',
    });
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
  });

  it('is not requested again and again when the password is wrong', async () => {
    const subject = authenticator({ password: 'wrong' });
    expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 5 });
    ahead = 3_000;
    for (let i = 0; i < 5; i++) {
      expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 2 });
    }
    expect(authentications()).toBe(1);
    expect(events).toEqual(["keystone-unavailable: it answers 401 to the service's own credentials"]);
    ahead = 5_001;
    expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 20 });
    expect(authentications()).toBe(2);
  });

  it('that cannot be renewed is used until it expires, is reported, and is not requested for every token', async () => {
    const subject = authenticator();
    await subject.authenticate(issue());
    keystone.behave({ status: 500 }, 'authentications');
    ahead = 3600 * 0.85 * 1000;
    for (let i = 0; i < 10; i++) {
      expect(await userOf(subject.authenticate(issue({ expiresIn: 7200 })))).toBe('demo');
    }
    await until(() => events.length > 0);
    expect(events).toEqual(['keystone-unavailable: it answers 500']);
    expect(authentications()).toBe(1 + 3);
  });

  it('reports when its user may not validate tokens', async () => {
    keystone.addUser({ name: 'weak', password: 'weak', roles: ['member'] });
    const subject = authenticator({ username: 'weak', password: 'weak' });
    expect(await subject.authenticate(issue())).toMatchObject({ outcome: 'unavailable' });
    expect(events).toEqual([
      "keystone-unavailable: it does not let the service's user validate tokens: the user needs the role service",
    ]);
  });
});

describe('Keystone in trouble', () => {
  it.each<[string, Behaviour]>([
    ['answers 500', { status: 500 }],
    ['answers 503', { status: 503 }],
    ['answers 400', { status: 400 }],
    ['answers 302', { status: 302 }],
    ['answers 404, but not as Keystone does', { status: 404 }],
    ['answers half a body', 'half-body'],
    ['answers no JSON', 'not-json'],
    ['answers JSON that is no token', 'wrong-json'],
    ['cuts the connection', 'cut'],
    ['never answers', 'hang'],
    ['responds after ten seconds', { delay: 10_000 }],
  ])(
    '%s: the outcome is unavailable within the time limit, and cached tokens are still valid',
    async (_, how) => {
      const subject = authenticator({ timeout: 1 });
      const known = issue();
      await subject.authenticate(known);
      keystone.behave(how, 'validations');
      expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 1 });
      expect(await userOf(subject.authenticate(known))).toBe('demo');
      expect(events).toHaveLength(1);

      keystone.behave('well');
      ahead = 1_001;
      expect(await userOf(subject.authenticate(issue()))).toBe('demo');
      expect(events).toHaveLength(2);
      expect(events[1]).toBe('keystone-available');
    },
  );

  it.each<[string, Behaviour]>([
    ['answers 500', { status: 500 }],
    ['answers JSON that is no token', 'wrong-json'],
    ['never answers', 'hang'],
  ])('%s to its own credentials: the outcome is unavailable', async (_, how) => {
    keystone.behave(how, 'authentications');
    const subject = authenticator({ timeout: 1 });
    expect(await subject.authenticate(issue())).toMatchObject({ outcome: 'unavailable' });
    keystone.behave('well');
    let user = '';
    for (let tries = 0; tries < 5 && user !== 'demo'; tries++) {
      ahead += 1_001;
      user = await userOf(subject.authenticate(issue()));
    }
    expect(user).toBe('demo');
  });

  it('that fails once is retried at once, without an event', async () => {
    const subject = authenticator();
    await subject.authenticate(issue());
    keystone.behave('cut', 'validations');
    const pending = userOf(subject.authenticate(issue()));
    await until(() => validations() === 2);
    keystone.behave('well');
    expect(await pending).toBe('demo');
    expect(events).toEqual([]);
  });

  it('is left alone for a second once it is known to be away; then one call finds out', async () => {
    const subject = authenticator();
    await subject.authenticate(issue());
    keystone.behave('cut', 'validations');
    await Promise.all([issue(), issue(), issue()].map((token) => subject.authenticate(token)));
    const calls = keystone.calls.length;
    for (let i = 0; i < 20; i++) {
      expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 1 });
    }
    expect(keystone.calls.length).toBe(calls);

    ahead = 1_001;
    keystone.behave({ delay: 200 }, 'validations');
    const waiting = await Promise.all(
      Array.from({ length: 20 }, () => userOf(subject.authenticate(issue()))),
    );
    expect(keystone.calls.length).toBe(calls + 1);
    expect(waiting.filter((user) => user === 'demo')).toHaveLength(1);
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
  });

  it('closes its port and opens it again: what is known counts until its time, the rest comes back', async () => {
    const subject = authenticator({ cache: 60 });
    const token = issue();
    await subject.authenticate(token);
    await keystone.close();
    ahead = 59_000;
    expect(await userOf(subject.authenticate(token))).toBe('demo');
    expect(await userOf(subject.authenticate(token, { fresh: true }))).toBe('demo');
    ahead = 62_000;
    expect(await subject.authenticate(token)).toMatchObject({ outcome: 'unavailable' });
    await keystone.reopen();
    ahead += 1_001;
    expect(await userOf(subject.authenticate(token))).toBe('demo');
  });

  it('validates other tokens while one token alone gets no response', async () => {
    const subject = authenticator({ timeout: 1, outage: 3600, cache: 60 });
    const [poison, revoked] = [issue(), issue()];
    await subject.authenticate(revoked);
    keystone.revoke(revoked);
    ahead = 61_000;
    keystone.behave('hang', 'validations');
    for (let i = 0; i < 2; i++) {
      expect(await subject.authenticate(poison)).toMatchObject({ outcome: 'unavailable' });
    }
    keystone.behave('well');
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
    expect(await subject.authenticate(revoked)).toEqual(INVALID);
  });

  it('gets no requests for as long as its Retry-After', async () => {
    const subject = authenticator();
    await subject.authenticate(issue());
    keystone.behave({ status: 503, retryAfter: 20 }, 'validations');
    expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 20 });
    keystone.behave('well');
    ahead = 15_000;
    expect(await subject.authenticate(issue())).toEqual({ outcome: 'unavailable', retryAfter: 5 });
    expect(validations()).toBe(2);
    ahead = 20_001;
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
  });

  it('flaps: every token has a result or gets Retry-After, and the log remains readable', async () => {
    const subject = authenticator();
    const ways: Behaviour[] = ['well', 'cut', { status: 500 }, 'not-json', { status: 502 }];
    for (let i = 0; i < 50; i++) {
      keystone.behave(ways[i % ways.length]!, 'validations');
      expect(['demo', 'unavailable']).toContain(await userOf(subject.authenticate(issue())));
      ahead += 100;
    }
    expect(events.length).toBeLessThan(20);
    keystone.behave('well');
    ahead += 1_001;
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
  });

  it('extends the cache by a setting, never beyond the expiry of the token', async () => {
    const subject = authenticator({ cache: 60, outage: 1_000 });
    const [token, shorter] = [issue(), issue({ expiresIn: 100 })];
    await subject.authenticate(token);
    await subject.authenticate(shorter);
    await keystone.close();
    for (const seconds of [61, 99]) {
      ahead = seconds * 1000;
      expect(await userOf(subject.authenticate(token))).toBe('demo');
      expect(await userOf(subject.authenticate(shorter))).toBe('demo');
    }
    ahead = 101_000;
    expect(await subject.authenticate(shorter)).toMatchObject({ outcome: 'unavailable' });
    expect(await userOf(subject.authenticate(token))).toBe('demo');
    ahead = 1_061_000;
    expect(await subject.authenticate(token)).toMatchObject({ outcome: 'unavailable' });
  });
});

describe('many at once', () => {
  it('cause no more calls at a time than are allowed, and are all answered', async () => {
    keystone.behave({ delay: 5 }, 'validations');
    const subject = authenticator({ concurrency: 8, queue: 1_000, timeout: 30 });
    const tokens = Array.from({ length: 1_000 }, () => issue());
    const users = await Promise.all(tokens.map((token) => userOf(subject.authenticate(token))));
    expect(new Set(users)).toEqual(new Set(['demo']));
    // A quarter is for tokens that were valid before.
    expect(keystone.mostValidationsAtOnce).toBe(6);
  }, 60_000);

  it('get Retry-After when the queue is full', async () => {
    keystone.behave({ delay: 200 }, 'validations');
    const subject = authenticator({ concurrency: 2, queue: 3 });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => userOf(subject.authenticate(issue()))),
    );
    expect(answers.filter((user) => user === 'demo')).toHaveLength(5);
    expect(answers.filter((user) => user === 'unavailable')).toHaveLength(15);
    expect(events).toEqual([]);
  });

  it('wait in the queue while Keystone is slow, which is not an outage', async () => {
    keystone.behave({ delay: 300 }, 'validations');
    const subject = authenticator({ concurrency: 4, queue: 100, timeout: 2 });
    const answers = await Promise.all(
      Array.from({ length: 60 }, () => userOf(subject.authenticate(issue()))),
    );
    expect(answers.filter((user) => user === 'demo').length).toBeGreaterThanOrEqual(4);
    expect(answers).toContain('unavailable');
    expect(events).toEqual([]);
    expect(outcomes).toContain('overloaded by none');
    expect(outcomes).not.toContain('unavailable by none');
  });

  it('join no validation of a caller that sends no-cache, nor its queue', async () => {
    const subject = authenticator({ concurrency: 4, queue: 4 });
    const known = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const token = issue();
        await subject.authenticate(token);
        return token;
      }),
    );
    keystone.behave({ delay: 200 }, 'validations');
    const flood = known.map((token) => userOf(subject.authenticate(token, { fresh: true })));
    ahead = 301_000;
    const plain = userOf(subject.authenticate(known[0]!));
    expect(await Promise.all(flood)).toContain('unavailable');
    expect(await plain).toBe('demo');
  });

  it('with no-cache leave three quarters of the places to others', async () => {
    const subject = authenticator({ concurrency: 8, queue: 100 });
    const known = Array.from({ length: 20 }, () => issue());
    for (const token of known) await subject.authenticate(token);
    keystone.behave({ delay: 100 }, 'validations');
    const flood = known.map((token) => subject.authenticate(token, { fresh: true }));
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
    expect(keystone.mostValidationsAtOnce).toBe(3);
    await Promise.all(flood);
    expect(keystone.mostValidationsAtOnce).toBe(3);
  });

  it('with no-cache are unavailable where their queue is full, though the tokens are cached', async () => {
    const subject = authenticator({ concurrency: 4, queue: 4 });
    const known = Array.from({ length: 5 }, () => issue());
    for (const token of known) await subject.authenticate(token);
    keystone.behave({ delay: 200 }, 'validations');
    const flood = known.map((token) => userOf(subject.authenticate(token, { fresh: true })));
    expect((await Promise.all(flood)).sort()).toEqual([
      'demo',
      'demo',
      'unavailable',
      'unavailable',
      'unavailable',
    ]);
    expect(await userOf(subject.authenticate(known[4]!))).toBe('demo');
  });

  it('with no-cache for one token share a validation that was not sent yet, and none that was', async () => {
    const subject = authenticator({ concurrency: 4, queue: 4 });
    const token = issue();
    await subject.authenticate(token);
    keystone.behave({ delay: 200 }, 'validations');
    const before = validations();
    const first = subject.authenticate(token, { fresh: true });
    await until(() => validations() === before + 1);
    keystone.revoke(token);
    const flood = Array.from({ length: 50 }, () => subject.authenticate(token, { fresh: true }));
    expect(await userOf(first)).toBe('demo');
    expect(await Promise.all(flood)).toEqual(flood.map(() => INVALID));
    expect(validations()).toBe(before + 2);
  });
});

describe('made-up tokens', () => {
  const from = (client: string, address = '10.0.0.1'): { source: RequestSource } => ({
    source: { address, client },
  });
  const madeUp = (): string => newToken();
  /** Sends made-up tokens without end, each client one after another, until it is stopped. */
  function flood(subject: Authenticator, clients: readonly RequestSource[]): () => Promise<unknown> {
    let over = false;
    const client = async (source: RequestSource): Promise<void> => {
      for (; !over; await setImmediate()) await subject.authenticate(madeUp(), { source });
    };
    const all = clients.map(client);
    return () => ((over = true), Promise.all(all));
  }

  it('delay neither a first login nor tokens that were valid before, whatever their number', async () => {
    keystone.behave({ delay: 5 }, 'validations');
    const subject = authenticator({ concurrency: 4, queue: 50, timeout: 2, cache: 1 });
    const known = issue();
    await subject.authenticate(known, from('known'));
    const clients = Array.from({ length: 100 }, (_, i) => from(`flood ${i}`).source);
    const stop = flood(subject, clients);
    await until(() => outcomes.filter((each) => each === 'invalid by keystone').length > 300);
    for (let i = 0; i < 10; i++) {
      const before = validations();
      expect(await userOf(subject.authenticate(issue(), from(`new ${i}`)))).toBe('demo');
      // At most what ran when it came, and what got a slot before it.
      expect(validations() - before).toBeLessThan(20);
      ahead += 1_001;
      expect(await userOf(subject.authenticate(known, from('known')))).toBe('demo');
    }
    await stop();
    expect(events).toEqual([]);
    expect(outcomes).toContain('overloaded by none');
    expect(outcomes.filter((each) => each.startsWith('unavailable'))).toEqual([]);
  }, 20_000);

  it('delay a client that got a new token after its old one had expired no more than a few calls', async () => {
    keystone.behave({ delay: 5 }, 'validations');
    const subject = authenticator({ concurrency: 4, queue: 200, timeout: 5 });
    const stop = flood(
      subject,
      Array.from({ length: 100 }, (_, i) => from(`flood ${i}`).source),
    );
    await until(() => outcomes.filter((each) => each === 'invalid by keystone').length > 400);
    expect(await subject.authenticate(issue({ expiresIn: -1 }), from('client'))).toEqual(INVALID);
    const before = validations();
    expect(await userOf(subject.authenticate(issue(), from('client')))).toBe('demo');
    expect(validations() - before).toBeLessThan(20);
    await stop();
  }, 20_000);

  it('of one address wait for each other, whatever clients it pretends to have', async () => {
    keystone.behave({ delay: 5 }, 'validations');
    const subject = authenticator({ concurrency: 4, queue: 200, timeout: 5 });
    let client = 0;
    let over = false;
    const all = Array.from({ length: 100 }, async () => {
      for (; !over; await setImmediate()) {
        await subject.authenticate(madeUp(), from(`pretended ${client++}`, '10.0.0.66'));
      }
    });
    await until(() => outcomes.filter((each) => each === 'invalid by keystone').length > 50);
    const before = validations();
    expect(await userOf(subject.authenticate(issue(), from('new', '10.0.0.2')))).toBe('demo');
    expect(validations() - before).toBeLessThan(20);
    over = true;
    await Promise.all(all);
  }, 20_000);

  it('that have not the form of those that Keystone issues come after those that have', async () => {
    keystone.behave({ delay: 5 }, 'validations');
    const subject = authenticator({ concurrency: 4, queue: 200, timeout: 5 });
    await subject.authenticate(issue());
    const shared = from('one proxy for all');
    const waiting = Array.from({ length: 100 }, (_, i) => subject.authenticate(`made-up-${i}`, shared));
    const before = validations();
    expect(await userOf(subject.authenticate(issue(), shared))).toBe('demo');
    expect(validations() - before).toBeLessThan(20);
    await Promise.all(waiting);
  }, 20_000);

  it('are no outage of Keystone, however long they wait in the queue; its silence is one', async () => {
    const subject = authenticator({ concurrency: 4, queue: 200, timeout: 2 });
    await subject.authenticate(issue());
    const tokens = Array.from({ length: 9 }, () => issue());
    keystone.behave({ delay: 800 }, 'validations');
    const pending = tokens.map((token) => userOf(subject.authenticate(token)));
    await until(() => validations() === 1 + 3);
    // Longer than is left of the time of those that wait, and shorter than Keystone has.
    keystone.behave({ delay: 1_500 }, 'validations');
    const users = await Promise.all(pending);
    expect(users.map((user) => user === 'demo')).toEqual(tokens.map((_, i) => i < 3));
    expect(outcomes.slice(1).sort()).toEqual([
      ...Array<string>(3).fill('identity by keystone'),
      ...Array<string>(6).fill('overloaded by none'),
    ]);
    expect(events).toEqual([]);
    // A call that was sent goes on, so that the next try has its result.
    await sleep(2_500);
    const before = validations();
    expect(before).toBe(1 + 6);
    for (const token of tokens.slice(3)) expect(await userOf(subject.authenticate(token))).toBe('demo');
    expect(validations()).toBe(before + 3);

    keystone.behave('hang', 'validations');
    await Promise.all(Array.from({ length: 9 }, () => subject.authenticate(issue())));
    await until(() => events.length > 0);
    expect(events).toEqual(['keystone-unavailable: it does not answer in time']);
  }, 30_000);
});

describe('the spellings of one token', () => {
  it('are known as one, and no-cache with one refreshes what is known of all', async () => {
    const subject = authenticator();
    const token = issue();
    const spellings = [token, `${token}=`, `${token}==`, `${token}=junk`];
    expect(await userOf(subject.authenticate(`${token}=`))).toBe('demo');
    for (const spelling of spellings) expect(await userOf(subject.authenticate(spelling))).toBe('demo');
    expect(validations()).toBe(1);
    keystone.revoke(token);
    expect(await subject.authenticate(`${token}==`, { fresh: true })).toEqual(INVALID);
    for (const spelling of spellings) expect(await subject.authenticate(spelling)).toEqual(INVALID);
    expect(validations()).toBe(2);
  });

  it('are as many tokens where they have not the form of Fernet’s', async () => {
    const subject = authenticator();
    expect(await subject.authenticate('made-up')).toEqual(INVALID);
    expect(await subject.authenticate('made-up=')).toEqual(INVALID);
    expect(validations()).toBe(2);
  });
});

describe('TLS', () => {
  const pem = (name: string): string =>
    readFileSync(new URL(`../../contract/tls/${name}`, import.meta.url), 'utf8');
  let secure: FakeKeystone;

  beforeEach(async () => {
    secure = await FakeKeystone.start({ tls: { key: pem('loopback.key'), cert: pem('loopback.crt') } });
    secure.addUser({ name: SERVICE.username, password: SERVICE.password, roles: ['service'] });
  });

  afterEach(() => secure.close());

  it('trusts the authority that it was given', async () => {
    const subject = authenticator({ authUrl: secure.url, ca: pem('authority.crt') });
    const token = secure.issue({ userName: 'demo', scope: DEMO, roles: [] });
    expect(await userOf(subject.authenticate(token))).toBe('demo');
  });

  it.each([
    ['no authority signed', undefined],
    ['another authority signed', pem('other-authority.crt')],
  ])('sends no password to a certificate that %s', async (_, ca) => {
    const subject = authenticator({ authUrl: secure.url, ca });
    expect(await subject.authenticate('a-token')).toEqual({ outcome: 'unavailable', retryAfter: 1 });
    expect(secure.calls).toEqual([]);
    expect(events).toHaveLength(1);
  });
});

describe('the endpoint that validates', () => {
  it('is the one of the catalog, by interface and region', async () => {
    const subject = authenticator({ interface: 'internal', region: 'RegionOne' });
    expect(await userOf(subject.authenticate(issue()))).toBe('demo');
  });

  it('is found in a new catalog after the old one was repaired', async () => {
    const subject = authenticator({ interface: 'internal', region: 'Atlantis' });
    await subject.authenticate(issue());
    ahead = 10_001;
    await subject.authenticate(issue());
    expect(authentications()).toBe(2);
  });

  it('is reported as missing where the catalog has none', async () => {
    const subject = authenticator({ interface: 'internal', region: 'Atlantis' });
    expect(await subject.authenticate(issue())).toMatchObject({ outcome: 'unavailable' });
    expect(events).toEqual([
      'keystone-unavailable: its catalog has no identity endpoint internal in the region Atlantis',
    ]);
  });
});

describe('options', () => {
  const refusal = (options: object): unknown => {
    try {
      return createKeystoneAuthenticator(options);
    } catch (error) {
      return (error as Error & { code: string }).code === 'invalid-options' && (error as Error).message;
    }
  };

  it.each([
    [
      { ...SERVICE },
      'authUrl is missing: it must be an http or https URL without query, fragment or credentials',
    ],
    [
      { ...SERVICE, authUrl: 'keystone:5000' },
      'authUrl = "keystone:5000" is not allowed: it must be an http or https URL without query, fragment or credentials',
    ],
    [
      { ...SERVICE, authUrl: 'https://glimpse:wonderland@k:5000' },
      'authUrl = "https://***@k:5000" is not allowed: it must be an http or https URL without query, fragment or credentials',
    ],
    [
      { authUrl: 'http://k' },
      'credentials are missing: give username, password, projectName; or applicationCredentialId, applicationCredentialSecret',
    ],
    [
      { authUrl: 'http://k', username: 'glimpse', projectName: 'service' },
      'password is missing: the credentials need it',
    ],
    [
      { authUrl: 'http://k', ...SERVICE, applicationCredentialId: 'id' },
      'two kinds of credentials are given: give either username, password, projectName; or applicationCredentialId, applicationCredentialSecret',
    ],
    [
      { authUrl: 'http://k', ...SERVICE, cache: 301 },
      'cache = 301 is not allowed: it must be a whole number from 0 to 300',
    ],
    [
      { authUrl: 'http://k', ...SERVICE, serviceRoles: [] },
      'serviceRoles = [] is not allowed: it must be a list of role names',
    ],
    [
      { authUrl: 'http://k', ...SERVICE, password: 12345 },
      'password = *** is not allowed: it must be a text',
    ],
  ])('are refused before anything is done: %j', (options, message) => {
    expect(refusal(options)).toBe(message);
  });
});
