import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { PolicyError } from './error.js';
import { evaluate } from './evaluate.js';
import { parse, type RuleList } from './language.js';

/** The real oslo.policy: a case a line in, what it made of it a line out. */
const OSLO = `
import json, logging, sys
from oslo_config import cfg
from oslo_policy import policy

class Complaints(logging.Handler):
    refused = False
    def emit(self, record):
        self.refused = self.refused or record.getMessage().startswith('Failed to understand rule')

complaints = Complaints()
logging.getLogger('oslo_policy').addHandler(complaints)
logging.getLogger('oslo_policy').propagate = False
enforcer = policy.Enforcer(cfg.ConfigOpts(), policy_file='none', use_conf=False)
for line in sys.stdin:
    case = json.loads(line)
    complaints.refused = False
    enforcer.set_rules(policy.Rules.from_dict(case['rules']), overwrite=True, use_conf=False)
    answer = {'understood': not complaints.refused, 'allowed': None, 'raised': None}
    try:
        answer['allowed'] = bool(enforcer.enforce('checked', case['target'], case['credentials']))
    except Exception as error:
        answer['raised'] = repr(error)
    print(json.dumps(answer))
`;

interface Case {
  readonly rules: Readonly<Record<string, string | RuleList>>;
  readonly target: Readonly<Record<string, unknown>>;
  readonly credentials: Readonly<Record<string, unknown>>;
}

interface Answer {
  readonly understood: boolean;
  readonly allowed: boolean | null;
  readonly raised: string | null;
}

/** Debian's package belongs to Debian's Python, which need not be the first one. */
const python = ['python3', '/usr/bin/python3'].find(
  (each) => spawnSync(each, ['-c', 'import oslo_policy'], { timeout: 20_000 }).status === 0,
);
const compare = python === undefined ? describe.skip : describe;
const why =
  python === undefined ? ' (skipped: no Python here has oslo_policy, Debian’s python3-oslo.policy)' : '';

function askOslo(cases: readonly Case[]): Answer[] {
  const input = cases.map((each) => JSON.stringify(each)).join('\n');
  const { stdout, stderr, status } = spawnSync(python!, ['-W', 'ignore', '-c', OSLO], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 26,
    env: { ...process.env, PYTHONIOENCODING: 'utf-8' },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Answer);
}

function evaluated({ rules, target, credentials }: Case): Pick<Answer, 'understood' | 'allowed'> {
  try {
    const parsed = new Map(Object.entries(rules).map(([name, source]) => [name, parse(source)]));
    return {
      understood: true,
      allowed: evaluate(parsed.get('checked')!, { credentials, target, rules: parsed }),
    };
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    return { understood: false, allowed: null };
  }
}

const SCALARS = [
  'a', 'B', 'p1', 'public', '', 'True', 'None', '10', 'é', 'ΑΣ', 'İ', "it's", 'say "x"', 'a\\b\n', '\u00a0\u{1f4a5}', '[]',
  true, false, null, 0, -3, 10, 0.5, -2.25, 1e-7, 0.0001, 123456.789,
]; // prettier-ignore
const scalar = fc.constantFrom<unknown>(...SCALARS);
const value = fc.oneof(
  { weight: 6, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(scalar, { maxLength: 3 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('x', "y'"), scalar) },
);
const role = fc.constantFrom('admin', 'Member', 'READER', 'é', 'ΑΣ', 'İ', 'None', '10');

const target = fc.record(
  { owner: value, visibility: value, n: value, 'user.id': value, 'f(x)': value, role },
  { requiredKeys: [] },
);
const credentials = fc.record(
  {
    project_id: value,
    user_id: value,
    is_admin: fc.boolean(),
    roles: fc.array(role, { maxLength: 3 }),
    token: fc.record({ id: value, user: fc.record({ id: value }) }, { requiredKeys: [] }),
    grants: fc.array(fc.record({ id: value }, { requiredKeys: [] }), { maxLength: 3 }),
    many: fc.array(value, { maxLength: 4 }),
    system_scope: fc.constantFrom(null, 'all'),
  },
  { requiredKeys: [] },
);

const match = fc.oneof(
  fc.constantFrom(
    ...['owner', 'visibility', 'n', 'user.id', 'f(x)', 'absent', 'role'].map((key) => `%(${key})s`),
  ),
  fc.constantFrom('a', 'p1', 'True', 'None', '10', '0.5', '1e-07', '', 'admin', 'é', '%%', "['a']", 'all'),
  fc.constantFrom('%(owner)s%(n)s', '%(owner)s/%%', 'p%(n)s', 'a(b)c'),
);
const left = fc.constantFrom(
  'role', 'role', 'project_id', 'user_id', 'is_admin', 'roles', 'token.id', 'token.user.id', 'token.absent', 'grants.id',
  'many', 'absent', 'system_scope', "'public'", '"public"', "''", "'it'", `"it's"`, 'True', 'False', 'None', '10', '-3',
  '+10', '0', '000', '0.5', '-2.25', '10.0', '0.0000001', '12345678901234567.0', 'Role', 'é', 'user-id',
); // prettier-ignore
const check = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom('@', '!', 'rule:a', 'rule:b', 'rule:nowhere') },
  { weight: 6, arbitrary: fc.tuple(left, match).map(([kind, right]) => `${kind}:${right}`) },
);

/** A rule whose `rule:` refers at most to what comes after it, so that there is no circle. */
function ruleText(after: readonly string[]) {
  const allowed = check.filter(
    (text) => !/^rule:[ab]$/.test(text) || after.includes(text.slice('rule:'.length)),
  );
  const { text } = fc.letrec<{ text: string }>((tie) => ({
    text: fc.oneof(
      { maxDepth: 4 },
      allowed,
      tie('text').map((part) => `not ${part}`),
      tie('text').map((part) => `(${part})`),
      fc
        .tuple(tie('text'), fc.constantFrom('and', 'or', 'AND', '\u2003or'), tie('text'))
        .map((parts) => parts.join(' ')),
    ),
  }));
  const list = fc.array(fc.oneof(allowed, fc.array(allowed, { maxLength: 2 })), { maxLength: 3 });
  return fc.oneof<[fc.Arbitrary<string>, fc.Arbitrary<string>, fc.Arbitrary<RuleList>]>(text, text, list);
}

const rules = fc.record({ checked: ruleText(['a', 'b']), a: ruleText(['b']), b: ruleText([]) });

compare(`the real oslo.policy${why}`, () => {
  it('comes to the same for 1,000 generated rules, targets and credentials', () => {
    const cases = fc.sample(fc.record({ rules, target, credentials }), { numRuns: 1000, seed: 20_240_229 });
    const answers = askOslo(cases);
    expect(answers).toHaveLength(1000);
    // It follows a path into a text or a None with an exception, where we have a check that is false.
    const answered = cases
      .map((each, i) => ({ each, oslo: answers[i]! }))
      .filter(({ oslo }) => oslo.raised === null);
    expect(answered.length).toBeGreaterThan(900);
    for (const allowed of [true, false]) {
      expect(answered.filter(({ oslo }) => oslo.allowed === allowed).length).toBeGreaterThan(250);
    }
    const differing = answered.filter(({ each, oslo }) => {
      const ours = evaluated(each);
      return ours.allowed !== oslo.allowed || ours.understood !== oslo.understood;
    });
    expect(differing).toEqual([]);
  }, 90_000);

  it('understands the same 2,000 soups of words, and reads them alike', () => {
    const word = fc.constantFrom(
      'and', 'or', 'not', 'AND', '(', ')', '((', '))', '(not', 'role:admin', 'role:member)', '(role:member', '@', '!',
      "'public'", "'public':%(v)s", "'public':'public'", "('x')", "'", 'member', 'absent:x', 'is_admin:True', '\ufeff',
    ); // prettier-ignore
    const soup = fc
      .array(fc.tuple(word, fc.constantFrom(' ', ' ', '\u001c')), { maxLength: 7 })
      .map((words) => ({ checked: words.flat().join('') }));
    const joined = fc
      .array(fc.tuple(fc.constantFrom('', 'not ', '(', 'not ('), word, fc.constantFrom('', ')')), {
        minLength: 1,
        maxLength: 4,
      })
      .chain((parts) =>
        fc
          .constantFrom(' and ', ' or ')
          .map((by) => ({ checked: parts.map((part) => part.join('')).join(by) })),
      );
    const cases = fc.sample(
      fc.record({
        rules: fc.oneof(soup, joined),
        target: fc.constant({ v: 'public' }),
        credentials: fc.constant({ roles: ['member'], is_admin: true }),
      }),
      { numRuns: 2000, seed: 20_240_229 },
    );
    const answers = askOslo(cases);
    // A single word of the language is a rule to it, which then cannot be evaluated.
    const understood = answers.map((answer) => answer.understood && answer.raised === null);
    expect(understood.filter(Boolean).length).toBeGreaterThan(200);
    const differing = cases
      .map((each, i) => ({ text: each.rules.checked, ours: evaluated(each), oslo: answers[i]! }))
      .filter(({ ours, oslo }, i) => {
        return ours.understood !== understood[i] || (ours.understood && ours.allowed !== oslo.allowed);
      });
    expect(differing).toEqual([]);
  }, 90_000);
});
