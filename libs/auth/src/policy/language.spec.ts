import { growth } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PolicyError } from './error.js';
import { MAX_DEPTH, checksOf, parse, print, type Rule } from './language.js';

/** Words that rules are made of, and some that they are not. */
const WORDS = [
  'and', 'or', 'not', 'AND', 'Not', '(', ')', '((', '))', '@', '!', '', ' ', '\t', '\u00a0', '\ufeff',
  'role:admin', 'role:%(r)s', 'rule:x', 'rule:', ':', '::', 'is_admin:True', 'project_id:%(project_id)s',
  "'public':%(visibility)s", '"public":%(visibility)s', "'a':'b'", "'a'", "'", 'True:%(x)s', 'None:%(x)s',
  '1:%(x)s', '-1.50:x', 'a.b.c:%(a.b)s', 'a..b:x', 'x:%', 'x:%%', 'x:%(', 'x:%(a', 'x:%(a)', 'x:%(a)d', 'x:%s',
  'x:%(a(b)c)s', 'x:%()s', 'http://x', 'https:x', 'foo', '(role:a', 'role:b)', '((role:c))', '__proto__:x',
  '[]:x', '{}', '💥:💥', 'é:é',
]; // prettier-ignore

function outcome(text: string): Rule | PolicyError {
  try {
    return parse(text);
  } catch (error) {
    if (error instanceof PolicyError) return error;
    throw error;
  }
}

describe('parse', () => {
  it.each([
    ['', '@'],
    ['@', '@'],
    ['!', '!'],
    ['(((role:a)))', 'role:a'],
    ['role:a and role:b and role:c', 'role:a and role:b and role:c'],
    ['role:a or role:b and role:c', 'role:a or (role:b and role:c)'],
    ['role:a and role:b or role:c', '(role:a and role:b) or role:c'],
    ['(role:a or role:b) and role:c', '(role:a or role:b) and role:c'],
    ['not role:a and role:b', 'not role:a and role:b'],
    ['not (role:a and role:b)', 'not (role:a and role:b)'],
    ['not not role:a', 'not not role:a'],
    ['NOT role:a AnD\n\trole:b', 'not role:a and role:b'],
    ['role:a\u001c or\u2003role:b', 'role:a or role:b'],
    ['role:compute:admin', 'role:compute:admin'],
    ["'public':%(visibility)s", "'public':%(visibility)s"],
    ['a.b-c.d:100%%', 'a.b-c.d:100%%'],
    ['(x:%(a(b)c)s)', 'x:%(a(b)c)s'],
    ['x:f(1', 'x:f(1'],
  ])('reads %j as %j', (text, printed) => {
    expect(print(parse(text))).toBe(printed);
    expect(parse(printed)).toEqual(parse(text));
  });

  it.each([
    ['  ', 'ends where a check is expected'],
    ['role:a and', 'ends where a check is expected'],
    ['not', 'ends where a check is expected'],
    ['role:a role:b', '"role:b" where an operator is expected'],
    ['and role:a', '"and" where a check is expected'],
    ['role:a not role:b', '"not" where an operator is expected'],
    ['()', '")" where a check is expected'],
    ['(role:a', '"(" without ")"'],
    ['role:a)', '")" without "("'],
    ['member', '"member" is not a check: a check is written kind:match'],
    ["'public'", `"'public'" is not a check`],
    ["'a':'b'", `"'a':'b'" is not a check`],
    ['http://policy.example/%(id)s', 'checks of the kind http: are not supported'],
    ['role:a or https:x', 'checks of the kind https: are not supported'],
    ['x:%(a)d', '"%(a)d" is neither %(key)s nor %%'],
    ['x:100%', '"%" is neither %(key)s nor %%'],
    ["'a:x", `"'a" is neither a literal nor the name of a credential`],
    [':x', '"" is neither a literal nor the name of a credential'],
    ['a..b:x', '"a..b" is neither a literal nor the name of a credential'],
  ])('refuses %j: %s', (text, message) => {
    expect(() => parse(text)).toThrow(PolicyError);
    expect(() => parse(text)).toThrow(message);
  });

  it.each([
    [[], '@'],
    [[[]], '!'],
    [[''], '!'],
    [['role:a', 'role:b'], 'role:a or role:b'],
    [[['role:a', 'role:b'], 'role:c'], '(role:a and role:b) or role:c'],
    [[['role:a', '!']], 'role:a and !'],
    [[['role:a'], []], 'role:a'],
  ])('reads the list %j as %s', (list, printed) => {
    expect(print(parse(list))).toBe(printed);
  });

  it('uses the checks of a list unchanged', () => {
    expect(parse([['role:cloud admin (all)']])).toMatchObject({ match: { text: 'cloud admin (all)' } });
    expect(() => parse(['role:a or role:b', 'and'])).toThrow('"and" is not a check');
  });

  it('gives the same rule for what it printed', () => {
    const name = fc
      .stringMatching(/^[a-z_][a-z0-9_]{0,5}$/)
      .filter((word) => !['rule', 'role', 'http', 'https'].includes(word));
    const match = fc.array(
      fc.oneof(
        name,
        name.map((key) => `%(${key})s`),
        fc.constant('%%'),
      ),
      { maxLength: 3 },
    );
    const left = fc.oneof(
      fc.constantFrom(
        'role',
        'rule',
        "'public'",
        '"x"',
        "''",
        'True',
        'False',
        'None',
        '0',
        '-7',
        '+3',
        '2.50',
      ),
      fc.array(name, { minLength: 1, maxLength: 3 }).map((path) => path.join('.')),
    );
    const check = fc.oneof(
      { weight: 1, arbitrary: fc.constantFrom('@', '!') },
      { weight: 9, arbitrary: fc.tuple(left, match).map(([kind, parts]) => `${kind}:${parts.join('')}`) },
    );
    const { rule } = fc.letrec<{ rule: string }>((tie) => ({
      rule: fc.oneof(
        { maxDepth: 5 },
        check,
        tie('rule').map((part) => `not ${part}`),
        tie('rule').map((part) => `( ${part})`),
        fc
          .tuple(tie('rule'), fc.constantFrom('and', 'or', 'AND', ' oR\n'), tie('rule'))
          .map((parts) => parts.join(' ')),
      ),
    }));
    fc.assert(
      fc.property(rule, (text) => {
        const parsed = parse(text);
        expect(parse(print(parsed))).toEqual(parsed);
        expect(print(parse(print(parsed)))).toBe(print(parsed));
      }),
      { numRuns: 1000 },
    );
  });

  it('throws nothing but a policy error, and prints what it accepts, for any soup of words', () => {
    const soup = fc.array(fc.tuple(fc.constantFrom(...WORDS), fc.constantFrom('', ' ')), { maxLength: 12 });
    fc.assert(
      fc.property(
        soup.map((words) => words.flat().join('')),
        (text) => {
          const rule = outcome(text);
          if (!(rule instanceof PolicyError)) expect(parse(print(rule))).toEqual(rule);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it('throws nothing but a policy error, and prints what it accepts, for any string', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 60 }),
        fc.constantFrom('', 'x:', 'role:a or x:%('),
        (text, start) => {
          const rule = outcome(start + text);
          if (!(rule instanceof PolicyError)) expect(parse(print(rule))).toEqual(rule);
        },
      ),
      { numRuns: 5000 },
    );
  });

  it.each([
    ['parentheses around a check', (n: number) => `${'('.repeat(n)}role:a${')'.repeat(n)}`],
    ['parentheses one by one', (n: number) => `${'( '.repeat(n)}role:a${' )'.repeat(n)}`],
    ['unclosed parentheses', (n: number) => '('.repeat(n)],
    ['unopened parentheses', (n: number) => `role:a${')'.repeat(n)}`],
    [
      'operators within operators',
      (n: number) => `${'(role:a and (role:b or '.repeat(n)}role:c${'))'.repeat(n)}`,
    ],
    ['negations', (n: number) => `${'not '.repeat(n)}role:a`],
    ['alternatives', (n: number) => `${'role:a or role:b and '.repeat(n)}role:c`],
    ['keys', (n: number) => `x:${'%(a)s'.repeat(n)}`],
    ['unclosed keys', (n: number) => `x:${'%('.repeat(n)}`],
    ['a long name', (n: number) => `${'a-'.repeat(n)}!:x`],
    ['a long number', (n: number) => `${'1'.repeat(n)}:x`],
    ['white space', (n: number) => `role:a${' \t'.repeat(n)}`],
  ])('reads 100,000 times %s in time that grows with the length', (_, nest) => {
    // A hundred times the length: up to 2,500 times as long with garbage collection, where quadratic time would be 10,000.
    expect(growth((count) => outcome(nest(count)), 1_000, 100_000)).toBeLessThan(6_000);
  });

  it('counts operators, not parentheses, as depth', () => {
    expect(print(parse(`${'('.repeat(100_000)}role:a${')'.repeat(100_000)}`))).toBe('role:a');
    const nested = (depth: number) => `${'not '.repeat(depth)}role:a`;
    expect(print(parse(nested(MAX_DEPTH)))).toBe(nested(MAX_DEPTH));
    expect(() => parse(nested(MAX_DEPTH + 1))).toThrow(`operators nest deeper than ${MAX_DEPTH}`);
  });

  it('does not fill a message with a long rule', () => {
    expect((outcome('x'.repeat(10_000)) as PolicyError).message.length).toBeLessThan(200);
  });
});

describe('checksOf', () => {
  it('gives the checks of a rule in their order', () => {
    const checks = [...checksOf(parse('role:a or not (rule:b and @)'))];
    expect(checks.map(print)).toEqual(['role:a', 'rule:b', '@']);
  });
});
