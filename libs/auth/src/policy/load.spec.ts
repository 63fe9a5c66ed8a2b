import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PolicyError } from './error.js';
import { MAX_DEPTH } from './language.js';
import { loadPolicy, type PolicySources } from './load.js';
import type { RuleDefault } from './rule-default.js';

/** The rules of a service that has images. */
const RULES: readonly RuleDefault[] = [
  { name: 'context_is_admin', text: 'role:admin', description: '', enforced: true },
  { name: 'default', text: '', description: '', enforced: false },
  { name: 'get_image', text: '', description: '', enforced: true },
  { name: 'get_images', text: '', description: '', enforced: true },
  {
    name: 'modify_image',
    text: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)',
    description: '',
    enforced: true,
  },
];

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'glimpse-policy-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

function load(sources: Partial<PolicySources> = {}) {
  return loadPolicy({ defaults: RULES, ...sources });
}

function refusal(sources: Partial<PolicySources>): string {
  try {
    load(sources);
  } catch (error) {
    expect(error).toBeInstanceOf(PolicyError);
    expect(error).toMatchObject({ code: 'policy-error', name: 'PolicyError' });
    return (error as PolicyError).message.replaceAll(folder, '');
  }
  throw new Error('it was not refused');
}

function text(policy: ReturnType<typeof load>, name: string): string | undefined {
  return policy.rules.find((rule) => rule.name === name)?.text;
}

describe('loadPolicy', () => {
  it.each([
    [undefined, 'the sources of the policy = undefined is not allowed: it must be a mapping'],
    [{}, 'defaults is missing: it must be a list of rules'],
    [{ defaults: [], file: 5 }, 'file = 5 is not allowed: it must be a text'],
    [
      { defaults: [], dirs: 'policy.d' },
      'dirs = "policy.d" is not allowed: it must be a list of directories',
    ],
    [
      { defaults: [], fil: 'policy.yaml' },
      'fil is not a known key: known are file, dirs, defaults, credentials',
    ],
  ])('refuses the sources %j', (sources, message) => {
    expect(() => loadPolicy(sources as never)).toThrow(
      expect.objectContaining({ code: 'invalid-options', message }),
    );
  });

  it('uses the defaults where there is no file', () => {
    expect(load().rules.map(({ name, text, source, used }) => ({ name, text, source, used }))).toEqual([
      { name: 'context_is_admin', text: 'role:admin', source: null, used: true },
      { name: 'default', text: '', source: null, used: false },
      { name: 'get_image', text: '', source: null, used: true },
      { name: 'get_images', text: '', source: null, used: true },
      {
        name: 'modify_image',
        text: 'rule:context_is_admin or (role:member and project_id:%(project_id)s)',
        source: null,
        used: true,
      },
    ]);
  });

  it('reads YAML', () => {
    const file = write('policy.yaml', '# ours\n"get_image": "role:reader"\nmodify_image: role:member\n');
    const policy = load({ file });
    expect(text(policy, 'get_image')).toBe('role:reader');
    expect(policy.rules.find(({ name }) => name === 'modify_image')?.source).toBe(file);
    expect(policy.rules.find(({ name }) => name === 'get_images')?.source).toBeNull();
  });

  it('reads JSON, with the list form, tabs and a byte order mark', () => {
    const file = write(
      'policy.json',
      '\ufeff{\n\t"get_image": [["role:a", "role:b"], "role:c"],\n\t"get_images": []\n}',
    );
    expect(text(load({ file }), 'get_image')).toBe('(role:a and role:b) or role:c');
    expect(load({ file }).allows('get_images', {})).toBe(true);
  });

  it.each(['', '# nothing\n', '{}', '---\n', 'null\n'])('reads the empty file %j', (content) => {
    expect(load({ file: write('policy.yaml', content) }).rules).toEqual(load().rules);
  });

  it('lets what is read later replace what was read before', () => {
    const file = write('policy.yaml', 'get_image: role:file\nget_images: role:file\nmodify_image: role:file');
    write('a.d/20.yaml', 'get_image: role:second');
    write('a.d/10.json', '{"get_image": "role:first", "get_images": "role:first"}');
    write('b.d/00.yaml', 'own: role:b');
    const policy = load({ file, dirs: [join(folder, 'a.d'), join(folder, 'b.d')] });
    expect(['get_image', 'get_images', 'modify_image', 'own'].map((name) => text(policy, name))).toEqual([
      'role:second',
      'role:first',
      'role:file',
      'role:b',
    ]);
    expect(policy.rules.find(({ name }) => name === 'get_images')?.source).toBe(
      join(folder, 'a.d', '10.json'),
    );
  });

  it('passes over hidden files and directories within, and follows links as volumes have them', () => {
    write('d/..data/policy.yaml', 'get_image: role:linked');
    symlinkSync(join('..data', 'policy.yaml'), join(folder, 'd', 'policy.yaml'));
    write('d/.hidden.yaml', 'broken: [');
    write('d/within/policy.yaml', 'broken: [');
    symlinkSync('within', join(folder, 'd', 'link'));
    expect(text(load({ dirs: [join(folder, 'd')] }), 'get_image')).toBe('role:linked');
  });

  it('reads an empty directory', () => {
    mkdirSync(join(folder, 'd'));
    expect(load({ dirs: [join(folder, 'd')] }).rules).toEqual(load().rules);
  });

  it('keeps rules that are not enforced, as unused', () => {
    const file = write('policy.yaml', 'add_image: rule:default\nget_image: rule:reader\nreader: role:reader');
    const used = Object.fromEntries(load({ file }).rules.map((rule) => [rule.name, rule.used]));
    expect(used).toMatchObject({ add_image: false, default: false, get_image: true, reader: true });
  });

  it.each([
    ['get_image: rule:owner', '/p.yaml: rule "get_image": rule:owner is defined nowhere'],
    [
      'get_image: rule:a\na: not (rule:default and rule:nope)',
      '/p.yaml: rule "a": rule:nope is defined nowhere',
    ],
    ['a: rule:a', '/p.yaml: rule "a": refers to itself: a → a'],
    ['a: rule:b\nb: role:x or not rule:c\nc: rule:b', '/p.yaml: rule "c": refers to itself: b → c → b'],
    [
      'context_is_admin: rule:modify_image',
      'rule "modify_image": refers to itself: context_is_admin → modify_image → context_is_admin',
    ],
    ['a: http://x/', '/p.yaml: rule "a": checks of the kind http: are not supported ("http://x/")'],
    [
      'a: [[role:x, "https://x/"]]',
      '/p.yaml: rule "a": checks of the kind https: are not supported ("https://x/")',
    ],
    ['a: role:x and', '/p.yaml: rule "a": ends where a check is expected (in "role:x and")'],
    ['a:', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['{a}', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: true', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: 1', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: {b: c}', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: [[role:x, 1]]', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: [[[role:x]]]', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: [null]', '/p.yaml: rule "a": is neither a text nor a list of checks'],
    ['a: !', '/p.yaml: rule "a": ! is a tag of YAML; a rule must be in quotes'],
    ['a: [!x role:y]', '/p.yaml: rule "a": !x is a tag of YAML; a rule must be in quotes'],
    ['1: role:x', '/p.yaml: 1 is not the name of a rule'],
    ['[a]: role:x', '/p.yaml: ["a"] is not the name of a rule'],
    ['- a', '/p.yaml: is not a mapping of rule names to rules'],
    ['role:x', '/p.yaml: is not a mapping of rule names to rules'],
    ['a: @', '/p.yaml: broken YAML: Plain value cannot start with reserved character @ at line 1, column 4:'],
    ['a: b:c\na: d:e', '/p.yaml: broken YAML: Map keys must be unique at line 2, column 1:'],
    ['a: [', '/p.yaml: broken YAML: '],
    ['a: b:c\n---\na: d:e', '/p.yaml: broken YAML: Source contains multiple documents'],
    ['a: *b', '/p.yaml: rule "a": broken YAML: Unresolved alias'],
  ])('refuses %j', (content, message) => {
    expect(refusal({ file: write('p.yaml', content) })).toContain(message);
  });

  it('keeps a rule that nothing enforces whatever it refers to, with a warning', () => {
    const file = write('p.yaml', 'unused: not rule:nope\nget_image: role:reader\nother: odd:x');
    const policy = load({ file, credentials: ['project_id', 'roles'] });
    expect(policy.warnings).toEqual([
      { rule: 'other', source: file, problem: expect.stringContaining('"odd:x" checks a credential') },
      { rule: 'unused', source: file, problem: 'rule:nope is defined nowhere' },
    ]);
    expect(load().warnings).toEqual([]);
    expect(() => policy.requireSound('unused')).toThrow('rule "unused": rule:nope is defined nowhere');
    expect(() => policy.requireSound('get_image')).not.toThrow();
  });

  it.each([
    ['get_image: "not project_domain:default"', 'get_image', '"project_domain:default"'],
    ['get_image: not (role:x or user_id.name:x)', 'get_image', '"user_id.name:x"'],
    ['get_image: rule:a\na: [[role:x, token.user.id:x]]', 'a', '"token.user.id:x"'],
    ['context_is_admin: is_admin:True', 'context_is_admin', '"is_admin:True"'],
  ])('refuses %j, which checks what no caller has', (content, rule, check) => {
    const credentials = ['user_id', 'project_id', 'roles'];
    expect(refusal({ file: write('p.yaml', content), credentials })).toBe(
      `/p.yaml: rule "${rule}": ${check} checks a credential that there never is: known are user_id, project_id, roles`,
    );
    expect(() => load({ file: write('p.yaml', content) })).not.toThrow();
  });

  it('reads the alias of a rule as the rule', () => {
    expect(text(load({ file: write('p.yaml', 'a: &r role:x\nb: *r') }), 'b')).toBe('role:x');
  });

  it('refuses what cannot be read', () => {
    expect(refusal({ file: join(folder, 'none.yaml') })).toMatch(/^\/none\.yaml: cannot be read: ENOENT/);
    expect(refusal({ file: folder })).toMatch(/^: cannot be read: EISDIR|^cannot be read: EISDIR/);
    expect(refusal({ dirs: [join(folder, 'none.d')] })).toMatch(/^\/none\.d: cannot be read: ENOENT/);
    const latin = write('latin.yaml', Buffer.from('a: "role:\xe9"', 'latin1'));
    expect(refusal({ file: latin })).toMatch(/^\/latin\.yaml: cannot be read: /);
    symlinkSync('nowhere', join(folder, 'dangling.yaml'));
    expect(refusal({ dirs: [folder] })).toMatch(/^\/dangling\.yaml: cannot be read: ENOENT/);
  });

  it('refuses brackets by the hundred thousand', () => {
    expect(refusal({ file: write('p.yaml', `a: ${'['.repeat(100_000)}`) })).toContain(
      '/p.yaml: broken YAML: ',
    );
    const closed = `a: ${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    expect(refusal({ file: write('p.yaml', closed) })).toContain('/p.yaml: ');
  });

  it('refuses references that nest deeper than an evaluation goes', () => {
    const chain = (length: number) => {
      const rules = Array.from({ length }, (_, i) => `r${i}: not rule:r${i + 1}`);
      return write('p.yaml', [...rules, `r${length}: "@"`].join('\n'));
    };
    expect(load({ file: chain(MAX_DEPTH / 2) }).allows('r0', {})).toBe(true);
    expect(refusal({ file: chain(MAX_DEPTH / 2 + 1) })).toContain(`references nest deeper than ${MAX_DEPTH}`);
    expect(refusal({ file: chain(10_000) })).toContain(`references nest deeper than ${MAX_DEPTH}`);
  });

  it('counts depth to the end, whichever rule is read first', () => {
    const rules = Array.from({ length: 300 }, (_, i) => `r${i}: ${i === 0 ? '"@"' : `not rule:r${i - 1}`}`);
    expect(refusal({ file: write('p.yaml', rules.join('\n')) })).toContain(
      'rule "r201": operators and references',
    );
  });
});
