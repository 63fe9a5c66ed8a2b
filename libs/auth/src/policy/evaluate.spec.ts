import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { evaluate, explain, explanationLines } from './evaluate.js';
import { parse, type Rule } from './language.js';

const CREDENTIALS = {
  user_id: 'u1',
  project_id: 'p1',
  domain_id: null,
  roles: ['Member', 'reader'],
  is_admin: false,
  quota: 10,
  ratio: 0.5,
  token: { user: { id: 'u1', domain: { id: 'd1' } }, methods: ['password', 'totp'] },
  grants: [{ role: 'a' }, { role: 'b' }],
  nested: [['a', 1]],
};

const TARGET = {
  owner: 'p1',
  other: 'p2',
  visibility: 'public',
  protected: true,
  min_disk: 10,
  size: null,
  wanted_role: 'MEMBER',
  'user.id': 'u1',
  user: { id: 'nested keys are not looked up' },
  list: ['a', 1],
};

const RULES = new Map<string, Rule>([
  ['admin', parse('role:admin')],
  ['owner', parse('project_id:%(owner)s')],
  ['admin_or_owner', parse('rule:admin or rule:owner')],
]);

function input(credentials: object = CREDENTIALS, target: object = TARGET) {
  return { credentials: { ...credentials }, target: { ...target }, rules: RULES };
}

describe('evaluate', () => {
  it.each<[string, boolean]>([
    ['', true],
    ['@', true],
    ['!', false],
    ['not !', true],
    ['role:member', true],
    ['role:READER', true],
    ['role:admin', false],
    ['role:%(wanted_role)s', true],
    ['role:%(absent)s', false],
    ['not role:%(absent)s', true],
    ['roles:Member', true],
    ['roles:member', false],
    ['rule:admin', false],
    ['rule:owner', true],
    ['rule:admin_or_owner', true],
    ['rule:nowhere', false],
    ['is_admin:False', true],
    ['is_admin:false', false],
    ['project_id:%(owner)s', true],
    ['project_id:%(other)s', false],
    ['project_id:p1', true],
    ['project_id:%(absent)s', false],
    ['absent:%(owner)s', false],
    ['domain_id:None', true],
    ['domain_id:%(size)s', true],
    ['quota:10', true],
    ['quota:%(min_disk)s', true],
    ['ratio:0.5', true],
    ['token.user.id:%(user.id)s', true],
    ['token.user.domain.id:d1', true],
    ['token.user.absent:d1', false],
    ['token.methods:totp', true],
    ['grants.role:b', true],
    ['grants.role:c', false],
    ["nested:['a',1]", false],
    ['project_id.x:p1', false],
    ['domain_id.x:None', false],
    ['user_id:%(user.id)s', true],
    ['user_id:%(user)s', false],
    ["'public':%(visibility)s", true],
    ['"public":%(visibility)s', true],
    ["'private':%(visibility)s", false],
    ["'public':%(absent)s", false],
    ['True:%(protected)s', true],
    ["'True':%(protected)s", true],
    ['False:%(protected)s', false],
    ['None:%(size)s', true],
    ['10:%(min_disk)s', true],
    ['+10:%(min_disk)s', true],
    ['10.0:%(min_disk)s', false],
    ["'p1/public':%(owner)s/%(visibility)s", true],
    ["'100%':100%%", true],
    ['constructor:x', false],
    ["'x':%(constructor)s", false],
    ['__proto__.x:1', false],
    ['role:admin or role:member and project_id:%(owner)s', true],
    ['(role:admin or role:member) and project_id:%(other)s', false],
    ['not role:member or role:reader', true],
    ['role:member and not project_id:%(other)s', true],
  ])('%j comes to %s', (text, expected) => {
    expect(evaluate(parse(text), input())).toBe(expected);
  });

  it('prints lists as Python does', () => {
    expect(evaluate(parse(["nested:['a', 1]"]), input())).toBe(true);
    expect(evaluate(parse('nested:%(list)s'), input())).toBe(true);
    expect(evaluate(parse('nested:%(list)s'), input({ nested: [[['a', 1]]] }))).toBe(false);
  });

  it('holds no role where there are no roles', () => {
    expect(evaluate(parse('role:member'), input({}))).toBe(false);
    expect(evaluate(parse('role:member'), input({ roles: 'member' }))).toBe(false);
  });
});

describe('explain', () => {
  it('names the first part of an alternative that holds', () => {
    const rule = parse('rule:admin or (role:member and project_id:%(owner)s)');
    expect(explanationLines(explain(rule, input()))).toEqual([
      'allows   rule:admin or (role:member and project_id:%(owner)s)',
      'allows     role:member and project_id:%(owner)s',
      'allows       role:member: roles are "Member", "reader", wanted is "member"',
      'allows       project_id:%(owner)s: project_id is "p1", wanted is "p1"',
    ]);
  });

  it('names every alternative where none holds, and of each the first part that does not', () => {
    const rule = parse(
      "rule:admin or (role:member and 'private':%(visibility)s) or absent:x or x:%(absent)s",
    );
    expect(explanationLines(explain(rule, input()))).toEqual([
      "refuses  rule:admin or (role:member and 'private':%(visibility)s) or absent:x or x:%(absent)s",
      'refuses    rule:admin',
      'refuses      role:admin: roles are "Member", "reader", wanted is "admin"',
      "refuses    role:member and 'private':%(visibility)s",
      `refuses      'private':%(visibility)s: "private" is compared with "public"`,
      'refuses    absent:x: the credentials have no absent',
      'refuses    x:%(absent)s: the target has no absent',
    ]);
  });

  it('explains negations, constants and what is not there', () => {
    expect(explanationLines(explain(parse('not (! or rule:nowhere) and @'), input({})))).toEqual([
      'allows   not (! or rule:nowhere) and @',
      'allows     not (! or rule:nowhere)',
      'refuses      ! or rule:nowhere',
      'refuses        !: always refuses',
      'refuses        rule:nowhere: there is no such rule',
      'allows     @: always allows',
    ]);
    expect(explanationLines(explain(parse('role:a'), input({})))).toEqual([
      'refuses  role:a: roles are none, wanted is "a"',
    ]);
  });

  it('has the result of evaluate', () => {
    const check = fc.constantFrom('@', '!', 'role:member', 'role:admin', 'rule:owner', 'x:%(y)s', 'quota:10');
    const { rule } = fc.letrec<{ rule: string }>((tie) => ({
      rule: fc.oneof(
        { maxDepth: 4 },
        check,
        tie('rule').map((part) => `not (${part})`),
        fc
          .tuple(tie('rule'), fc.constantFrom('and', 'or'), tie('rule'))
          .map(([a, by, b]) => `(${a}) ${by} (${b})`),
      ),
    }));
    fc.assert(
      fc.property(rule, (text) => {
        const parsed = parse(text);
        expect(explain(parsed, input()).allowed).toBe(evaluate(parsed, input()));
      }),
    );
  });
});
