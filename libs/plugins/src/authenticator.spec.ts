import { describe, expect, it } from '@jest/globals';
import { isolateAuthenticator } from './authenticator.js';
import type { Authentication, Authenticator } from './contract.js';

const IDENTITY = {
  userId: 'u',
  userName: 'ann',
  scope: { kind: 'project', id: 'p1', name: 'demo' },
  roles: ['member'],
  accessRules: null,
  expiresAt: null,
  service: false,
} as const;

/** What an isolated authenticator answers to a token, and what was said of it. */
async function isolated(
  authenticate: (token: string) => unknown,
): Promise<{ answer: Authentication; faults: string[] }> {
  const faults: string[] = [];
  const authenticator = { challenge: 'Keystone uri="http://k"', authenticate } as Authenticator;
  const isolated = isolateAuthenticator(authenticator, (reason) => faults.push(reason), 50);
  return { answer: await isolated.authenticate('secret-token'), faults };
}

describe('an isolated authenticator', () => {
  it.each<Authentication>([
    { outcome: 'identity', identity: IDENTITY },
    { outcome: 'identity', identity: { ...IDENTITY, scope: { kind: 'none' }, expiresAt: new Date() } },
    {
      outcome: 'identity',
      identity: { ...IDENTITY, accessRules: [{ service: 'compute', method: 'GET', path: '/**' }] },
    },
    { outcome: 'invalid' },
    { outcome: 'unavailable', retryAfter: 3 },
  ])('answers as the authenticator does: %j', async (given) => {
    const { answer, faults } = await isolated(() => Promise.resolve(given));
    expect(answer).toEqual(given);
    expect(faults).toEqual([]);
  });

  it('answers at once what the authenticator answers at once', () => {
    const given: Authentication = { outcome: 'identity', identity: IDENTITY };
    const authenticator: Authenticator = { challenge: 'Keystone uri="http://k"', authenticate: () => given };
    const fail = (reason: string): void => expect(reason).toBe(undefined);
    expect(isolateAuthenticator(authenticator, fail).authenticate('secret-token')).toEqual(given);
  });

  const identity = (wrong: object): unknown => ({ outcome: 'identity', identity: { ...IDENTITY, ...wrong } });
  it.each<[string, (token: string) => unknown, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('no file');
      },
      /^Error: no file$/,
    ],
    ['rejects', () => Promise.reject(new Error('no file\n  at here')), /^Error: no file at here$/],
    ['quotes the token', (token) => Promise.reject(new Error(`${token} is odd`)), /^Error: \*\*\* is odd$/],
    ['never answers', () => new Promise(() => undefined), /^Error: it did not answer within 50 ms$/],
    ['answers nothing', () => undefined, /wanted is identity, invalid or unavailable/],
    ['answers true', () => true, /wanted is identity, invalid or unavailable/],
    ['answers another outcome', () => ({ outcome: 'valid' }), /wanted is identity, invalid or unavailable/],
    ['has no seconds', () => ({ outcome: 'unavailable' }), /wrong retryAfter/],
    ['has no seconds to add', () => ({ outcome: 'unavailable', retryAfter: -1 }), /wrong retryAfter/],
    ['has no identity', () => ({ outcome: 'identity' }), /identity is missing/],
    ['has no access rules', () => identity({ accessRules: undefined }), /wrong accessRules/],
    ['has broken access rules', () => identity({ accessRules: [{ path: '/**' }] }), /wrong accessRules/],
    ['has roles in one text', () => identity({ roles: 'admin' }), /wrong roles/],
    ['has a scope without a project', () => identity({ scope: { kind: 'project' } }), /wrong scope/],
    ['has another scope', () => identity({ scope: 'project' }), /wrong scope/],
    ['has its expiry in a text', () => identity({ expiresAt: '2030-01-01' }), /wrong expiresAt/],
  ])('is unavailable when the authenticator %s', async (_, authenticate, reason) => {
    const { answer, faults } = await isolated(authenticate);
    expect(answer).toEqual({ outcome: 'unavailable', retryAfter: 5 });
    expect(faults).toEqual([expect.stringMatching(reason)]);
  });
});
