import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  InvalidOptions,
  Matching,
  Nested,
  OneOf,
  Optional,
  Text,
  TrueOrFalse,
  WholeNumber,
  readOptions,
} from './index.js';

class Part {
  @Text()
  use!: string;

  @WholeNumber(0, 9)
  weight = 1;
}

class Limits {
  @WholeNumber(-5, 100)
  size = 10;

  @Optional()
  @Nested(() => Part)
  part?: Part;
}

class Everything {
  @Text()
  text = 'given';

  @OneOf(['request', 'never'])
  project = 'request';

  @WholeNumber(1, 65535)
  port = 8774;

  @TrueOrFalse()
  verbose = false;

  @Matching('a name in capitals', (value) => /^[A-Z]+$/.test(value))
  alias = 'OWNER';

  @Optional()
  @Text()
  comment?: string;

  @Optional()
  @WholeNumber(0, 10)
  level = 3;
}

class Tree {
  @Nested(() => Limits)
  limits = new Limits();

  @Nested(() => Part)
  parts: readonly Part[] = [];
}

class Required {
  @Text()
  name!: string;

  @WholeNumber(0, 1)
  bit!: number;

  @Nested(() => Limits)
  limits!: Limits;

  @Nested(() => Part)
  parts!: Part[];
}

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (!(error instanceof InvalidOptions)) throw error;
    expect(error.message).toBe(error.problems.join('\n'));
    return error.problems;
  }
  throw new Error('nothing was refused');
}

describe('readOptions', () => {
  it('keeps the defaults of what is not given', () => {
    expect(readOptions(Everything, {})).toEqual(new Everything());
    expect(readOptions(Tree, {})).toEqual(new Tree());
  });

  it('makes an instance of the class, and of the classes in it', () => {
    const options = readOptions(Tree, { limits: { part: { use: 'a' } }, parts: [{ use: 'b' }] });
    expect(options).toBeInstanceOf(Tree);
    expect(options.limits).toBeInstanceOf(Limits);
    expect(options.limits.part).toBeInstanceOf(Part);
    expect(options.parts[0]).toBeInstanceOf(Part);
  });

  it('reads undefined as not given', () => {
    const nothing = { text: undefined, port: undefined, verbose: undefined, comment: undefined };
    expect(readOptions(Everything, nothing)).toEqual(new Everything());
    expect(readOptions(Everything, { unknown: undefined })).toEqual(new Everything());
  });

  it('reads null, an empty value in YAML, as not given where an option is optional', () => {
    expect(readOptions(Everything, { comment: null }).comment).toBeUndefined();
    expect(readOptions(Everything, { level: null }).level).toBe(3);
  });

  it('leaves what it reads as it is', () => {
    const raw = { limits: { size: '20' }, parts: [{ use: 'a', weight: '2' }] };
    const before = structuredClone(raw);
    readOptions(Tree, { ...raw, limits: { ...raw.limits, part: { use: 'x' } } });
    expect(raw).toEqual(before);
  });

  it.each<[key: keyof Everything, given: unknown, read: unknown]>([
    ['text', 'a', 'a'],
    ['text', ' ', ' '],
    ['project', 'never', 'never'],
    ['port', 1, 1],
    ['port', 65535, 65535],
    ['port', '1', 1],
    ['port', '65535', 65535],
    ['port', '0080', 80],
    ['verbose', true, true],
    ['verbose', false, false],
    ['verbose', 'true', true],
    ['verbose', 'false', false],
    ['alias', 'SIZE', 'SIZE'],
    ['comment', 'a', 'a'],
    ['level', '0', 0],
  ])('reads %s from %j as %j', (key, given, read) => {
    expect(readOptions(Everything, { [key]: given })[key]).toBe(read);
  });

  it.each<[key: keyof Everything, given: unknown, allowed: string]>([
    ['text', '', 'a text'],
    ['text', 5, 'a text'],
    ['text', true, 'a text'],
    ['text', null, 'a text'],
    ['text', ['a'], 'a text'],
    ['text', {}, 'a text'],
    ['project', 'always', 'one of request, never'],
    ['project', 'Never', 'one of request, never'],
    ['project', '', 'one of request, never'],
    ['project', null, 'one of request, never'],
    ['project', ['never'], 'one of request, never'],
    ['port', 0, 'a whole number from 1 to 65535'],
    ['port', 65536, 'a whole number from 1 to 65535'],
    ['port', 1.5, 'a whole number from 1 to 65535'],
    ['port', -1, 'a whole number from 1 to 65535'],
    ['port', '80 ', 'a whole number from 1 to 65535'],
    ['port', '1.0', 'a whole number from 1 to 65535'],
    ['port', '1e3', 'a whole number from 1 to 65535'],
    ['port', '0x50', 'a whole number from 1 to 65535'],
    ['port', ' 80', 'a whole number from 1 to 65535'],
    ['port', '', 'a whole number from 1 to 65535'],
    ['port', 'many', 'a whole number from 1 to 65535'],
    ['port', true, 'a whole number from 1 to 65535'],
    ['port', null, 'a whole number from 1 to 65535'],
    ['port', [80], 'a whole number from 1 to 65535'],
    ['verbose', 'yes', 'true or false'],
    ['verbose', 'TRUE', 'true or false'],
    ['verbose', '', 'true or false'],
    ['verbose', 1, 'true or false'],
    ['verbose', null, 'true or false'],
    ['alias', 'size', 'a name in capitals'],
    ['alias', 5, 'a name in capitals'],
    ['alias', null, 'a name in capitals'],
    ['comment', '', 'a text'],
    ['comment', 5, 'a text'],
    ['level', 11, 'a whole number from 0 to 10'],
  ])('refuses %s = %j, naming both and what is allowed: %s', (key, given, allowed) => {
    expect(problemsOf(() => readOptions(Everything, { [key]: given }))).toEqual([
      `${key} = ${JSON.stringify(given)} is not allowed: it must be ${allowed}`,
    ]);
  });

  it('shows a number or switch that came as text as what it was read as', () => {
    expect(problemsOf(() => readOptions(Everything, { port: '0', level: 'true' }))).toEqual([
      'port = 0 is not allowed: it must be a whole number from 1 to 65535',
      'level = "true" is not allowed: it must be a whole number from 0 to 10',
    ]);
  });

  it('names what is missing', () => {
    expect(problemsOf(() => readOptions(Required, {}))).toEqual([
      'name is missing: it must be a text',
      'bit is missing: it must be a whole number from 0 to 1',
      'limits is missing: it must be a mapping',
      'parts is missing: it must be a list of mappings',
    ]);
  });

  it('names an unknown key, and the known ones', () => {
    const known = 'text, project, port, verbose, alias, comment, level';
    expect(problemsOf(() => readOptions(Everything, { prot: 80 }))).toEqual([
      `prot is not a known key: known are ${known}`,
    ]);
    class Nothing {}
    expect(problemsOf(() => readOptions(Nothing, { a: 1 }))).toEqual([
      'a is not a known key: known are none',
    ]);
  });

  it('names everything that is wrong at once', () => {
    expect(
      problemsOf(() => readOptions(Everything, { port: 'x', verbose: 'y', other: 1, another: 2 })),
    ).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^port = "x" /),
        expect.stringMatching(/^verbose = "y" /),
        expect.stringMatching(/^other is not a known key/),
        expect.stringMatching(/^another is not a known key/),
      ]),
    );
  });

  it('reads nested options and lists of them, and keeps the defaults in them', () => {
    const options = readOptions(Tree, {
      limits: { size: '-5', part: { use: 'a', weight: '2' } },
      parts: [{ use: 'b' }, { use: 'c', weight: 9 }],
    });
    expect(options).toMatchObject({
      limits: { size: -5, part: { use: 'a', weight: 2 } },
      parts: [
        { use: 'b', weight: 1 },
        { use: 'c', weight: 9 },
      ],
    });
    expect(readOptions(Tree, { limits: { part: { use: 'a' } } }).limits.size).toBe(10);
    expect(readOptions(Tree, { limits: {} }).limits.part).toBeUndefined();
    expect(readOptions(Tree, { parts: [] }).parts).toEqual([]);
  });

  it.each<[raw: object, problem: string]>([
    [{ limits: { size: 101 } }, 'limits.size = 101 is not allowed: it must be a whole number from -5 to 100'],
    [{ limits: { siez: 1 } }, 'limits.siez is not a known key: known are size, part'],
    [
      { limits: { part: { use: 'a', weight: 10 } } },
      'limits.part.weight = 10 is not allowed: it must be a whole number from 0 to 9',
    ],
    [{ limits: { part: {} } }, 'limits.part.use is missing: it must be a text'],
    [{ parts: [{ use: 'a' }, { use: 5 }] }, 'parts.1.use = 5 is not allowed: it must be a text'],
    [{ parts: [{ use: 'a', name: 'b' }] }, 'parts.0.name is not a known key: known are use, weight'],
    [{ parts: [{ use: 'a' }, 'b'] }, 'parts.1 = "b" is not allowed: it must be a mapping'],
    [{ parts: [null] }, 'parts.0 = null is not allowed: it must be a mapping'],
    [{ parts: [[]] }, 'parts = [[]] is not allowed: it must be a list of mappings'],
    [{ parts: 'a' }, 'parts = "a" is not allowed: it must be a list of mappings'],
    [{ parts: null }, 'parts = null is not allowed: it must be a list of mappings'],
    [{ parts: { use: 'a' } }, 'parts = {"use":"a","weight":1} is not allowed: it must be a list of mappings'],
    [{ limits: 5 }, 'limits = 5 is not allowed: it must be a mapping'],
    [{ limits: null }, 'limits = null is not allowed: it must be a mapping'],
    [{ limits: [] }, 'limits = [] is not allowed: it must be a mapping'],
  ])('names what is wrong within: %j', (raw, problem) => {
    expect(problemsOf(() => readOptions(Tree, raw))).toEqual([problem]);
  });

  it('accepts a mapping and a list where the declared type is unknown', () => {
    class Untold {
      parts: unknown;
    }
    Nested(() => Part)(Untold.prototype, 'parts');
    expect(readOptions(Untold, { parts: { use: 'a' } }).parts).toEqual({ use: 'a', weight: 1 });
    expect(readOptions(Untold, { parts: [{ use: 'a' }] }).parts).toEqual([{ use: 'a', weight: 1 }]);
    expect(problemsOf(() => readOptions(Untold, { parts: 'a' }))).toEqual([
      'parts = "a" is not allowed: it must be a mapping',
    ]);
  });

  it('calls an option what its reader knows it by', () => {
    const name = (path: string): string => `GLIMPSE_${path.toUpperCase().replaceAll('.', '_')}`;
    expect(problemsOf(() => readOptions(Tree, { limits: { size: 'x' } }, name))).toEqual([
      'GLIMPSE_LIMITS_SIZE = "x" is not allowed: it must be a whole number from -5 to 100',
    ]);
  });

  it.each([null, undefined, 'text', 5, true, [], [{}]])('refuses %j in place of a mapping', (raw) => {
    expect(problemsOf(() => readOptions(Everything, raw))).toEqual([
      `the options = ${JSON.stringify(raw)} is not allowed: it must be a mapping`,
    ]);
    expect(problemsOf(() => readOptions(Everything, raw, (path) => `plugin${path}`))[0]).toMatch(
      /^plugin = /,
    );
  });

  it('shows the beginning of a long value only', () => {
    const [problem] = problemsOf(() => readOptions(Everything, { port: 'x'.repeat(5000) }));
    expect(problem).toBe(
      `port = "${'x'.repeat(99)}… is not allowed: it must be a whole number from 1 to 65535`,
    );
  });

  it('shows a value that JSON cannot', () => {
    expect(problemsOf(() => readOptions(Everything, { port: 80n }))).toEqual([
      'port = 80 is not allowed: it must be a whole number from 1 to 65535',
    ]);
  });

  it('reports each problem in one line, whatever a key or a value contains', () => {
    const raw = { 'a\nb': 1, 'c\r\nd': 2, 'e\u2028f': 3, text: ['g\nh'] };
    const problems = problemsOf(() => readOptions(Everything, raw));
    expect(problems).toHaveLength(4);
    expect(problems.join('|').split(/[\n\r\u2028\u2029]/)).toHaveLength(1);
    expect(problems.join('|')).toMatch(
      /(?=.*\ba b is not)(?=.*\bc d is not)(?=.*\be f is not)(?=.*\["g\\nh"\])/,
    );
  });

  it.each(['__proto__', 'constructor', 'toString', 'hasOwnProperty', '__defineGetter__'])(
    'refuses the key %s wherever it stands, and lets it change nothing',
    (key) => {
      const evil = `{"${key}": {"size": 1, "polluted": true, "prototype": {"polluted": true}}}`;
      for (const [type, path, text] of [
        [Everything, '', evil],
        [Tree, 'limits.', `{"limits": ${evil}}`],
        [Tree, 'parts.1.', `{"parts": [{"use": "a"}, ${evil}]}`],
        [Tree, 'unknown.', `{"unknown": ${evil}}`],
      ] as const) {
        expect(problemsOf(() => readOptions<object>(type, JSON.parse(text)))).toEqual([
          `${path}${key} is not a known key: nothing has that name`,
        ]);
      }
      expect({}).not.toHaveProperty('polluted');
      expect(Everything).not.toHaveProperty('polluted');
    },
  );

  it('reads a number from its text as from itself', () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 110 }), (size) => {
        const read = (size: unknown): number | undefined => {
          try {
            return readOptions(Limits, { size }).size;
          } catch {
            return undefined;
          }
        };
        const expected = size >= -5 && size <= 100 ? size : undefined;
        expect(read(size)).toBe(expected);
        expect(read(String(size))).toBe(expected);
      }),
    );
  });

  it('either reads or refuses any JSON value, and never fails otherwise', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('limits', 'parts', 'x'), fc.jsonValue()), (raw) => {
        let options: Tree;
        try {
          options = readOptions(Tree, raw);
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidOptions);
          return;
        }
        expect(options.limits).toBeInstanceOf(Limits);
        expect(Array.isArray(options.parts)).toBe(true);
      }),
    );
  });
});

describe('a whole number that may be a word', () => {
  class Listener {
    @WholeNumber(0, 65535, 'off')
    port: number | 'off' = 8774;
  }

  it.each([
    ['off', 'off'],
    ['0', 0],
    [80, 80],
  ])('is %j', (given, port) => {
    expect(readOptions(Listener, { port: given })).toEqual({ port });
  });

  it.each(['Off', 'on', '', 65536])('is not %j', (port) => {
    expect(() => readOptions(Listener, { port })).toThrow('it must be a whole number from 0 to 65535 or off');
  });
});
