import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { credentialsOf, loadPolicy } from '@glimpse/auth';
import fc from 'fast-check';
import { imageRules } from '../image-rules.js';
import { ProtectionFileError } from './errors.js';
import { loadProtections } from './property-protections.js';
import { OPERATIONS, type RuleFormat } from './protection-rules.js';

/** Policies that files of the format `policies` name. */
const POLICIES = {
  creators: 'role:creator or role:admin',
  in_p1: 'project_id:p1',
  never: '!',
  of_target: 'project_id:%(project_id)s',
};

const folder = mkdtempSync(join(tmpdir(), 'protections-'));
afterAll(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'policy.json'), JSON.stringify(POLICIES));
const policy = loadPolicy({ file: join(folder, 'policy.json'), defaults: imageRules('own') });

interface Case {
  readonly text: string;
  readonly format: RuleFormat;
  readonly names: readonly string[];
  readonly callers: readonly { roles: readonly string[]; serviceRoles: readonly string[]; project: string }[];
}
/** Of each caller, name and operation whether it is allowed; null where the file is refused. */
type Decisions = readonly boolean[] | null;

/** Glance's own code: a case a line in, what it decided a line out. */
const GLANCE = `
import configparser, json, logging, sys, warnings
warnings.simplefilter('ignore')
from glance.api import policy
from glance import context
from glance.common import property_utils
logging.disable(logging.CRITICAL)
folder = sys.argv[1]
CONF = property_utils.CONF
CONF([], project='glance', default_config_files=[], default_config_dirs=[])
CONF.set_override('policy_file', folder + '/policy.json', group='oslo_policy')
CONF.set_override('property_protection_file', folder + '/glance.conf')
enforcer = policy.Enforcer()
for line in sys.stdin:
    case = json.loads(line)
    with open(folder + '/glance.conf', 'w', newline='', encoding='utf-8') as file:
        file.write(case['text'])
    CONF.set_override('property_protection_rule_format', case['format'])
    property_utils.CONFIG = configparser.ConfigParser()
    try:
        rules = property_utils.PropertyRules(enforcer)
    except Exception as error:
        print('null')
        continue
    decisions = []
    for caller in case['callers']:
        asking = context.RequestContext(service_roles=list(caller['serviceRoles']), project_id=caller['project'],
                                        policy_enforcer=enforcer)
        for name in case['names']:
            for operation in ['create', 'read', 'update', 'delete']:
                asking.roles = list(caller['roles'])
                decisions.append(bool(rules.check_property_rules(name, operation, asking)))
    print(json.dumps(decisions))
`;

const python = ['python3', '/usr/bin/python3'].find(
  (each) => spawnSync(each, ['-c', 'import glance.common.property_utils'], { timeout: 60_000 }).status === 0,
);
const compare = python === undefined ? describe.skip : describe;
const why = python === undefined ? ' (skipped: no Python here has glance, Debian’s python3-glance)' : '';

function decideInGlance(cases: readonly Case[]): Decisions[] {
  const { stdout, stderr, status } = spawnSync(python!, ['-W', 'ignore', '-c', GLANCE, folder], {
    input: cases.map((each) => JSON.stringify(each)).join('\n'),
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 1 << 26,
    env: { ...process.env, PYTHONUTF8: '1' },
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Decisions);
}

function decide({ text, format, names, callers }: Case): Decisions {
  const file = join(folder, 'ours.conf');
  writeFileSync(file, text);
  try {
    const protections = loadProtections({ file, rule_format: format }, policy);
    return callers.flatMap(({ roles, serviceRoles, project }) => {
      const identity = {
        userId: 'u',
        userName: 'ann',
        scope: { kind: 'project', id: project, name: '' },
        roles,
        accessRules: null,
        expiresAt: null,
        service: false,
      } as const;
      const view = protections?.viewOf({ ...credentialsOf(identity), service_roles: serviceRoles });
      return names.flatMap((name) => OPERATIONS.map((operation) => view?.may(operation, name) ?? true));
    });
  } catch (error) {
    if (!(error instanceof ProtectionFileError)) throw error;
    return null;
  }
}

const NAMES = ['x_secret', 'x_ro', 'open', 'os_distro', 'a.b', 'X_SECRET', 'a b', ''];
const pattern = fc.constantFrom(
  '.*', '^x_', 'x_secret', '^x_(ro|rw)$', '^o', 'secret$', '(?i)^X_', '^$', '[ab]', '^(?!x_)', 'a.b', 'a\\.b', '\\w+', '(?P<n>x)_',
); // prettier-ignore
const role = fc.constantFrom('admin', 'Member', 'creator', 'absent');
const permission = (format: RuleFormat) =>
  fc.oneof(
    {
      weight: 3,
      arbitrary:
        format === 'roles'
          ? fc.array(role, { minLength: 1, maxLength: 3 }).map((roles) => roles.join(','))
          : fc.constantFrom(...Object.keys(POLICIES), 'never or role:member'),
    },
    { weight: 1, arbitrary: fc.constantFrom('@', '!', '') },
  );
const section = (format: RuleFormat) =>
  fc
    .record({
      pattern,
      permissions: fc.tuple(...OPERATIONS.map(() => permission(format))),
      by: fc.constantFrom('=', ' = ', ': ', ' : '),
    })
    .map(({ pattern, permissions, by }) => {
      const lines = OPERATIONS.map((operation, index) => `${operation}${by}${permissions[index]!}`);
      return [`[${pattern}]`, ...lines].join('\n');
    });
const caller = fc.record({
  roles: fc.subarray(['admin', 'member', 'creator', 'reader']),
  serviceRoles: fc.oneof(fc.constant([]), fc.subarray(['service', 'admin', 'Member'])),
  project: fc.constantFrom('p1', 'p2'),
});
const caseOf = (format: RuleFormat, text: fc.Arbitrary<string>) =>
  fc.record({
    text,
    format: fc.constant(format),
    names: fc.constant(NAMES),
    callers: fc.array(caller, { minLength: 2, maxLength: 3 }),
  });

compare(`Glance's property rules${why}`, () => {
  const differing = (cases: readonly Case[], answers: readonly Decisions[]) =>
    cases
      .map((each, index) => ({ ...each, ours: decide(each), glance: answers[index]! }))
      .filter(({ ours, glance }) => JSON.stringify(ours) !== JSON.stringify(glance));

  it.each<RuleFormat>(['roles', 'policies'])(
    'decide the same by 150 generated files of the format %s',
    (format) => {
      const file = fc.array(section(format), { maxLength: 4 }).map((sections) => sections.join('\n\n'));
      const cases = fc.sample(caseOf(format, file), { numRuns: 150, seed: 20_240_229 });
      const answers = decideInGlance(cases);
      expect(answers.filter((decisions) => decisions?.includes(true)).length).toBeGreaterThan(50);
      expect(answers.filter((decisions) => decisions?.includes(false)).length).toBeGreaterThan(50);
      expect(differing(cases, answers)).toEqual([]);
    },
    150_000,
  );

  it('accept and refuse the same 300 files of odd lines, and decide the same by them', () => {
    const line = fc.constantFrom(
      '[x_]', '[x_]', '[^x_[abc]]', '[open] # why', '[a] and [b]', '[DEFAULT]', '[default]', '[]', '[x', ' [o]', '# comment', '; comment',
      '', '  ', 'create = admin', 'read = @', 'update: Member', 'delete = !', 'READ = member', 'read = %(create)s', 'read = %%', 'read = 50%',
      'read = %(nowhere)s', ' create = admin', '  member', '\tadmin,', ', member', 'delete', 'delete =', '= x', ' = x', 'read = a # b',
      'other = value', 'create = admin\r', 'create=\u00a0admin', '\ufeff[x_]', 'a = b\u000bc',
    ); // prettier-ignore
    const full = 'create = @\nread = member\nupdate = admin\ndelete = !';
    const lines = fc
      .tuple(
        fc.array(line, { maxLength: 3 }),
        fc.constantFrom('', `[.*]\n${full}`, `[DEFAULT]\n${full}`, `[o]\n${full}`),
        fc.array(line, { maxLength: 4 }),
      )
      .map(([before, middle, after]) => [...before, middle, ...after].join('\n'));
    const cases = fc.sample(caseOf('roles', lines), { numRuns: 300, seed: 20_240_229 });
    const answers = decideInGlance(cases);
    expect(answers.filter((decisions) => decisions === null).length).toBeGreaterThan(50);
    expect(answers.filter((decisions) => decisions?.includes(false)).length).toBeGreaterThan(15);
    expect(differing(cases, answers)).toEqual([]);
  }, 150_000);
});

describe('a property protection file', () => {
  const load = (text: string, rule_format: RuleFormat = 'roles') => {
    const file = join(folder, 'refused.conf');
    writeFileSync(file, text);
    return () => loadProtections({ file, rule_format }, policy);
  };
  const rest = 'read = @\nupdate = @\ndelete = @\n';

  it.each<[string, string, RuleFormat, string]>([
    ['without a line', '[x]\nread = @\n', 'roles', ', line 1: [x]: create is missing'],
    [
      'with both @ and !',
      `\n[x]\ncreate = @,!\n${rest}`,
      'roles',
      ", line 3: [x]: create: '@' and '!' exclude",
    ],
    [
      'whose pattern is none',
      `[x(]\ncreate = @\n${rest}`,
      'roles',
      ', line 1: [x(]: missing ), unterminated',
    ],
    [
      'whose pattern needs what is missing',
      `[(x)\\1]\ncreate = @\n${rest}`,
      'roles',
      'a reference to a group',
    ],
    ['with a section twice', `[x]\n[x]\n`, 'roles', ', line 2: [x]: this section is there twice'],
    ['with a line twice', `[x]\nread = @\nread = !\n`, 'roles', ', line 3: [x]: read is there twice'],
    ['without a section', 'read = @\n', 'roles', ', line 1: a section such as [.*] has to come first'],
    [
      'with a line that is none',
      '[x]\nread\n',
      'roles',
      ', line 2: [x]: this is neither a section nor a line',
    ],
    [
      'with a policy that is nowhere',
      `[x]\ncreate = nowhere\n${rest}`,
      'policies',
      ', line 2: [x]: create: the policy rule "nowhere" is defined nowhere',
    ],
    ['with several policies', `[x]\ncreate = in_p1,never\n${rest}`, 'policies', 'several policies'],
  ])('%s is refused, with file, line and section', (_, text, format, reason) => {
    expect(load(text, format)).toThrow(ProtectionFileError);
    expect(load(text, format)).toThrow(`property_protections.file ${join(folder, 'refused.conf')}`);
    expect(load(text, format)).toThrow(reason);
  });

  it('that is not there is refused by its setting', () => {
    const file = join(folder, 'nowhere.conf');
    expect(() => loadProtections({ file, rule_format: 'roles' }, policy)).toThrow(
      `property_protections.file ${file}: it cannot be read: ENOENT`,
    );
  });

  it('without a section protects nothing', () => {
    expect(load('# nothing yet\n')()).toBeUndefined();
  });
});
