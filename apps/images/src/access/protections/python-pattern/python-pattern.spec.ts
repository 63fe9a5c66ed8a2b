import { spawnSync } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { PatternError, pythonPattern } from './index.js';

/** Python's `re`: a pattern and texts a line in, whether it takes the pattern and finds it a line out. */
const PYTHON = `
import json, re, sys, warnings
warnings.simplefilter('ignore')
for line in sys.stdin:
    case = json.loads(line)
    try:
        pattern = re.compile(case['pattern'])
        print(json.dumps([pattern.search(text) is not None for text in case['texts']]))
    except (re.error, OverflowError, ValueError) as error:
        print(json.dumps(None))
`;

interface Case {
  readonly pattern: string;
  readonly texts: readonly string[];
}

/** In which texts a pattern is found; null where it is refused. */
type Found = readonly boolean[] | null;

const version = spawnSync('python3', ['-c', 'import sys; print(sys.version_info >= (3, 11))'], {
  encoding: 'utf8',
  timeout: 20_000,
});
const isThere = version.status === 0 && version.stdout.trim() === 'True';
const compare = isThere ? describe : describe.skip;
const why = isThere ? '' : ' (skipped: there is no Python 3.11 or later here)';

function searchInPython(cases: readonly Case[]): Found[] {
  const { stdout, stderr, status } = spawnSync('python3', ['-c', PYTHON], {
    input: cases.map((each) => JSON.stringify(each)).join('\n'),
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 1 << 26,
  });
  if (status !== 0) throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Found);
}

function unassignedInPython(): number[] {
  const program =
    "import json, unicodedata; print(json.dumps([c for c in range(0x30000) if unicodedata.category(chr(c)) == 'Cn']))";
  const { stdout } = spawnSync('python3', ['-c', program], { encoding: 'utf8', maxBuffer: 1 << 26 });
  return JSON.parse(stdout) as number[];
}

/** What this service makes of a pattern; undefined where it says that it does not support what Python takes. */
function search({ pattern, texts }: Case): Found | undefined {
  try {
    const translated = pythonPattern(pattern);
    return texts.map((text) => translated.test(text));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return error.valid ? undefined : null;
  }
}

const NAMES = [
  '', 'x', 'x_secret', 'X_SECRET', 'hw_disk_bus', 'os-distro', 'a.b:c', 'a b', 'ab', 'aab', 'b', 'A1', '1', '_', '-', ']',
  '^', 'a\n', '\n', 'a\nb', 'a\r', 'x\u2028y', 'é', 'É', 'ß', 'ſ', 'K', 'ı', 'İ', '٣', '²', '\u00a0', '\u001c', '\u{1f4a5}', 'aé1',
]; // prettier-ignore

const atom = fc.constantFrom(
  'a', 'b', 'x', '_', '1', '-', ' ', 'A', 'k', 's', 'I', '.', '\\d', '\\w', '\\s', '\\D', '\\W', '\\S', '\\.', '\\-', '\\n', '\\x61',
  '\\u00e9', '\\0', '\\141', '[ab]', '[^ab]', '[a-f_]', '[^\\w]', '[\\W\\d]', '[]a]', '[^]a]', '[a-]', '[\\]b]', '[\\b]', '[é-ü]',
  '[[a]', 'é', '}', '{', '{,', ']', '(?#c)', '/', '\\/', '[.-_]', '[a&&b]', '[a--b]', '[~~]', '[|]',
); // prettier-ignore
const between = fc.constantFrom('^', '$', '\\A', '\\Z', '\\b', '\\B');
const quantifier = fc.constantFrom(
  '*', '+', '?', '*?', '+?', '??', '*+', '++', '?+', '{2}', '{1,2}', '{,2}', '{1,}', '{0}', '{2}?', '{1,2}+',
); // prettier-ignore
const opening = fc.constantFrom(
  '(', '(?:', '(?P<n>', '(?=', '(?!', '(?<=', '(?<!', '(?>', '(?i:', '(?s:', '(?m:', '(?a:', '(?x:', '(?-i:', '(?i-s:', '(?u:',
); // prettier-ignore
const { pattern: body } = fc.letrec<{ pattern: string }>((tie) => ({
  pattern: fc.oneof(
    { maxDepth: 4 },
    { weight: 4, arbitrary: atom },
    { weight: 1, arbitrary: between },
    { weight: 3, arbitrary: fc.tuple(tie('pattern'), tie('pattern')).map((parts) => parts.join('')) },
    { weight: 1, arbitrary: fc.tuple(tie('pattern'), tie('pattern')).map((parts) => parts.join('|')) },
    { weight: 2, arbitrary: fc.tuple(opening, tie('pattern')).map((parts) => `${parts.join('')})`) },
    { weight: 2, arbitrary: fc.tuple(atom, quantifier).map((parts) => parts.join('')) },
    {
      weight: 1,
      arbitrary: fc
        .tuple(opening, tie('pattern'), quantifier)
        .map(([open, part, many]) => `${open}${part})${many}`),
    },
  ),
}));
const flags = fc.constantFrom(
  '',
  '',
  '',
  '',
  '(?i)',
  '(?s)',
  '(?m)',
  '(?x)',
  '(?a)',
  '(?im)',
  '(?ai)',
  '(?i)(?s)',
);
const pattern = fc.tuple(flags, body).map((parts) => parts.join(''));
const texts = fc.array(fc.constantFrom(...NAMES), { minLength: 4, maxLength: 8 });

compare(`Python's re${why}`, () => {
  const differing = (cases: readonly Case[], answers: readonly Found[]) =>
    cases
      .map((each, index) => ({ ...each, ours: search(each), python: answers[index]! }))
      .filter(({ ours, python }) => ours !== undefined && JSON.stringify(ours) !== JSON.stringify(python));

  it('finds 3,000 generated patterns in the same texts', () => {
    const cases = fc.sample(fc.record({ pattern, texts }), { numRuns: 3000, seed: 20_240_229 });
    const answers = searchInPython(cases);
    expect(answers).toHaveLength(3000);
    expect(answers.filter((found) => found?.includes(true)).length).toBeGreaterThan(800);
    expect(answers.filter((found) => found?.includes(false)).length).toBeGreaterThan(800);
    expect(cases.filter((each) => search(each) === undefined).length).toBeLessThan(600);
    expect(differing(cases, answers)).toEqual([]);
  }, 90_000);

  it('accepts and refuses the same 3,000 random patterns', () => {
    const piece = fc.constantFrom(
      '(', ')', '[', ']', '{', '}', '|', '*', '+', '?', '^', '$', '.', '\\', '-', ',', '1', '2', 'a', 'z', '(?', '(?:', '(?i', '(?P',
      '<n>', '=', '!', ':', '<', '>', '#', '\\q', '\\z', '\\x', '\\u', '\\8', '\\09', '\\400', '(?x)', '(?L)', '\n', 'i-i:', '-', '\\A',
    ); // prettier-ignore
    const soup = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    const cases = fc.sample(fc.record({ pattern: soup, texts }), { numRuns: 3000, seed: 20_240_229 });
    const answers = searchInPython(cases);
    expect(answers.filter((found) => found === null).length).toBeGreaterThan(500);
    expect(answers.filter((found) => found !== null).length).toBeGreaterThan(500);
    expect(differing(cases, answers)).toEqual([]);
  }, 90_000);

  it('puts each character up to U+2FFFF into the same classes, case ignored or not', () => {
    const characters = Array.from({ length: 0x30000 }, (_, code) => code)
      .filter((code) => code < 0xd800 || code > 0xdfff)
      .map((code) => String.fromCodePoint(code));
    const patterns = [
      '(?i)k',
      '(?i)s',
      '(?i)i',
      '(?ai)[h-k]',
      '(?i)[^a-z]',
      '\\w',
      '\\W',
      '\\s',
      '\\d',
      '.',
      '(?a)\\w',
    ];
    const cases = patterns.map((each) => ({ pattern: each, texts: characters }));
    const answers = searchInPython(cases);
    // Both know a version of Unicode of their own: what one of them does not know yet may differ.
    const unassigned = new Set(unassignedInPython());
    for (const [index, each] of cases.entries()) {
      const ours = search(each)!;
      const other = characters.filter((character, at) => {
        return ours[at] !== answers[index]![at] && !unassigned.has(character.codePointAt(0)!);
      });
      expect({ pattern: each.pattern, other: other.slice(0, 20) }).toEqual({
        pattern: each.pattern,
        other: [],
      });
    }
  }, 90_000);
});

describe('a pattern that JavaScript cannot follow', () => {
  it.each([
    ['(a)\\1', 'a reference to a group'],
    ['(?P<n>a)(?P=n)', 'a reference to a group'],
    ['(a)?(?(1)b|c)', 'a condition on a group'],
    ['\\N{DIGIT ONE}', 'a character by its name'],
    ['(?i)é', 'beyond ASCII where case is ignored'],
    ['(?<=(?>a))b', 'in a lookbehind'],
    ['(?a:\\w)', '(?a:…)'],
  ])('is refused by what it needs: %s', (unsupportedPattern, reason) => {
    expect(() => pythonPattern(unsupportedPattern)).toThrow(reason);
  });

  it.each([
    ['(a', 'missing )'],
    ['a)', 'unbalanced parenthesis'],
    ['[a', 'unterminated character set'],
    ['*a', 'nothing to repeat'],
    ['a**', 'multiple repeat'],
    ['[b-a]', 'bad character range b-a'],
    ['a{2,1}', 'min repeat greater than max repeat'],
    ['\\q', 'bad escape \\q'],
    ['(?<=a+)b', 'look-behind requires fixed-width pattern'],
    ['a(?i)', 'global flags not at the start'],
  ])('is refused in the words of Python where that refuses it: %s', (wrong, reason) => {
    expect(() => pythonPattern(wrong)).toThrow(reason);
  });
});
