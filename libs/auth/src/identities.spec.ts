import { describe, expect, it } from '@jest/globals';
import { InvalidOptions } from '@glimpse/options';
import fc from 'fast-check';
import { readIdentities } from './identities.js';

const DEMO = {
  user_id: 'd0000000000000000000000000000001',
  user_name: 'demo',
  project_id: '66c50f42ace742efaaf201e7ba0fe751',
  project_name: 'demo',
  roles: ['member', 'reader'],
};

function problemOf(document: unknown): string {
  try {
    readIdentities(document);
  } catch (error) {
    if (error instanceof InvalidOptions) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('readIdentities', () => {
  it('makes of a token with a project an identity scoped to it', () => {
    expect(readIdentities({ secret: DEMO })).toEqual(
      new Map([
        [
          'secret',
          {
            userId: 'd0000000000000000000000000000001',
            userName: 'demo',
            userDomainId: 'default',
            scope: {
              kind: 'project',
              id: '66c50f42ace742efaaf201e7ba0fe751',
              name: 'demo',
              domainId: 'default',
            },
            roles: ['member', 'reader'],
            accessRules: null,
            expiresAt: null,
            service: false,
          },
        ],
      ]),
    );
  });

  it('knows other domains than the default one', () => {
    const domains = { user_domain_id: 'people', project_domain_id: 'work' };
    expect(readIdentities({ secret: { ...DEMO, ...domains } }).get('secret')).toMatchObject({
      userDomainId: 'people',
      scope: { domainId: 'work' },
    });
  });

  it.each([
    ['left out', undefined],
    ['null', null],
  ])('makes of a token whose project is %s an identity scoped to nothing', (_, project_id) => {
    const identity = readIdentities({ secret: { ...DEMO, project_id } }).get('secret');
    expect(identity?.scope).toEqual({ kind: 'none' });
  });

  it.each([undefined, null])('names a project by its id where its name is %j', (project_name) => {
    const identity = readIdentities({ secret: { ...DEMO, project_name } }).get('secret');
    expect(identity?.scope).toMatchObject({ name: '66c50f42ace742efaaf201e7ba0fe751' });
  });

  it.each([
    [['service'], true],
    [['member', 'Service'], true],
    [['admin'], false],
    [['services'], false],
    [[], false],
  ])('counts as a service with the roles %j: %s', (roles, service) => {
    expect(readIdentities({ secret: { ...DEMO, roles } }).get('secret')).toMatchObject({ roles, service });
  });

  it('reads any number of them', () => {
    expect(readIdentities({}).size).toBe(0);
    expect([...readIdentities({ a: DEMO, b: DEMO, ['c'.repeat(8192)]: DEMO }).keys()]).toEqual([
      'a',
      'b',
      'c'.repeat(8192),
    ]);
  });

  it.each([null, undefined, 'secret', 5, [], [DEMO]])(
    'refuses %j in place of a mapping of tokens',
    (document) => {
      expect(problemOf(document)).toBe('the identities must be a mapping of tokens to identities');
    },
  );

  it.each<[changes: object, problem: string]>([
    [{ user_id: undefined }, 'identity 2: user_id is missing: it must be a text'],
    [{ user_id: '' }, 'identity 2: user_id = "" is not allowed: it must be a text'],
    [{ user_name: 5 }, 'identity 2: user_name = 5 is not allowed: it must be a text'],
    [{ project_id: '' }, 'identity 2: project_id = "" is not allowed: it must be a project id'],
    [{ project_id: 5 }, 'identity 2: project_id = 5 is not allowed: it must be a project id'],
    [{ project_name: '' }, 'identity 2: project_name = "" is not allowed: it must be a text'],
    [
      { tenant_id: 'x' },
      'identity 2: tenant_id is not a known key: known are user_id, user_name, user_domain_id, project_id, project_name, project_domain_id, roles',
    ],
  ])('refuses an identity with %j, naming it by its position', (changes, problem) => {
    expect(problemOf({ first: DEMO, secret: { ...DEMO, ...changes } })).toBe(problem);
  });

  it.each([undefined, null, 'member', {}, [5], [null], [['member']], ['member', 'member']])(
    'refuses the roles %j',
    (roles) => {
      expect(problemOf({ secret: { ...DEMO, roles } })).toMatch(
        /^identity 1: roles (?:is missing|= .* is not allowed): it must be a list of role names/,
      );
    },
  );

  it.each([null, 'a-token', 5, [DEMO]])('refuses %j in place of an identity, and does not show it', (raw) => {
    expect(problemOf({ first: DEMO, demo: raw })).toBe('identity 2 must be a mapping');
  });

  it.each(['', ' ', 'two words', 'line\nbreak', 'nul\0', 'schlüssel', 'x'.repeat(8193)])(
    'refuses a token that no header can carry: %.20j',
    (token) => {
      expect(problemOf({ first: DEMO, [token]: DEMO })).toBe(
        'identity 2: its token must be 1 to 8192 visible ASCII characters',
      );
    },
  );

  it('never prints a token, whatever is wrong', () => {
    const wrong = fc.oneof(
      fc.jsonValue(),
      fc.record({
        ...Object.fromEntries(Object.keys(DEMO).map((key) => [key, fc.jsonValue()])),
        other: fc.jsonValue(),
      }),
    );
    const end = fc.constantFrom('', ' ', '\n', 'ß');
    fc.assert(
      fc.property(fc.uuid(), end, wrong, (secret, end, identity) => {
        expect(problemOf({ [secret + end]: identity })).not.toContain(secret);
      }),
    );
  });
});
