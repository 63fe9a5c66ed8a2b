import { BASE_ATTRIBUTES } from '@glimpse/domain';
import { growth } from '@glimpse/domain/testing';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MetaBody, MetadataBody } from './metadata.body.js';
import { InvalidInput, readBody } from '../../http/validation.js';

const bytes = (body: unknown): Buffer => Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));

function complaintAbout(body: unknown, type: typeof MetadataBody | typeof MetaBody = MetadataBody): string {
  try {
    readBody<object>(type, body === undefined ? undefined : bytes(body));
  } catch (error) {
    if (error instanceof InvalidInput) return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the body that sets several items', () => {
  it.each<[string, Record<string, string>]>([
    ['none', {}],
    ['some', { a: '1', b: '' }],
    ['keys of every allowed character', { 'aZ09-_:. ': 'v', ' ': 'v', constructor: 'v', toString: 'v' }],
    ['the longest key and value', { ['k'.repeat(255)]: 'v'.repeat(255) }],
    ['a value of 255 characters that are two code units each', { k: '😀'.repeat(255) }],
    ['keys that are attributes in other letters', { Name: 'v', 'min-ram': 'v' }],
    ['more than an image may have, which is for the image to say', many(200)],
  ])('may have %s', (_, metadata) => {
    expect(readBody(MetadataBody, bytes({ metadata })).metadata).toEqual(metadata);
  });

  it('may be in any white space', () => {
    expect(readBody(MetadataBody, bytes(' {\n"metadata"\t: {"a": "1"}}\r\n ')).metadata).toEqual({ a: '1' });
  });

  it.each<[unknown, string]>([
    [undefined, "None is not of type 'object'"],
    ['', "None is not of type 'object'"],
    ['null', "None is not of type 'object'"],
    ['true', "True is not of type 'object'"],
    ['"text"', "'text' is not of type 'object'"],
    ['[]', "[] is not of type 'object'"],
    ['{', 'Malformed request body'],
    ['{"metadata": {}} x', 'Malformed request body'],
    ["{'metadata': {}}", 'Malformed request body'],
    ['\u0000', 'Malformed request body'],
    [{}, "'metadata' is a required property"],
    [{ meta: {} }, "'metadata' is a required property"],
    [{ metadata: {}, x: 1 }, "Additional properties are not allowed ('x' was unexpected)"],
    [{ metadata: {}, x: 1, y: 2 }, "Additional properties are not allowed ('x', 'y' were unexpected)"],
    ['{"__proto__": {"metadata": {}}}', "The key '__proto__' is not allowed."],
    ['{"metadata": {"__proto__": "v"}}', "The key '__proto__' is not allowed."],
    ['{"metadata": {"a": {"__proto__": "v"}}}', "The key '__proto__' is not allowed."],
  ])('is refused as %j', (body, complaint) => {
    expect(complaintAbout(body)).toBe(complaint);
  });

  it.each<[unknown, string]>([
    [null, "metadata. Value: None. None is not of type 'object'"],
    ['text', "metadata. Value: text. 'text' is not of type 'object'"],
    [[], "metadata. Value: []. [] is not of type 'object'"],
    [{ a: 1 }, "a. Value: 1. 1 is not of type 'string'"],
    [{ a: null }, "a. Value: None. None is not of type 'string'"],
    [{ a: { b: 'c' } }, "a. Value: {'b': 'c'}. {'b': 'c'} is not of type 'string'"],
    [{ a: 'v'.repeat(256) }, `a. Value: ${'v'.repeat(256)}. '${'v'.repeat(256)}' is too long`],
    [{ a: 'v\0' }, 'a. Value: v\0. It holds a NUL or half of a surrogate pair'],
    [{ a: '\ud800' }, 'a. Value: \ud800. It holds a NUL or half of a surrogate pair'],
    [{ a: '\udc00\ud800' }, 'a. Value: \udc00\ud800. It holds a NUL or half of a surrogate pair'],
    [
      { é: 'v' },
      "metadata. Value: {'é': 'v'}. 'é' does not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'",
    ],
    [
      { '/': 'v', '': 'v' },
      "metadata. Value: {'/': 'v', '': 'v'}. '', '/' do not match any of the regexes: '^[a-zA-Z0-9-_:. ]{1,255}$'",
    ],
    [
      { name: 'v' },
      "metadata. Value: {'name': 'v'}. 'name' is an attribute of the image and cannot be metadata",
    ],
  ])('is refused with the metadata %j, in the words of Nova', (metadata, complaint) => {
    expect(complaintAbout({ metadata })).toBe(`Invalid input for field/attribute ${complaint}`);
  });

  it.each(['a\n', '\u0000', 'a/b', 'k'.repeat(256), ''])('has no key %j', (key) => {
    expect(complaintAbout({ metadata: { [key]: 'v' } })).toContain('does not match any of the regexes');
  });

  it('has no attribute of an image for a key', () => {
    for (const attribute of BASE_ATTRIBUTES) {
      expect(complaintAbout({ metadata: { [attribute]: 'v' } })).toContain(`'${attribute}' is an attribute`);
    }
  });

  it('is refused when it is no UTF-8', () => {
    for (const broken of [[0xff], [0xc0, 0xae], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) {
      const body = Buffer.concat([
        Buffer.from('{"metadata": {"a": "'),
        Buffer.from(broken),
        Buffer.from('"}}'),
      ]);
      expect(() => readBody(MetadataBody, body)).toThrow('Malformed request body');
    }
  });

  it.each([
    ['lists', '[', ']'],
    ['objects', '{"a":', '}'],
  ])('is refused when it is %s as deep as fits, in time that grows with the depth', (_, open, close) => {
    const most = Math.floor(100_000 / (open.length + close.length));
    const readDeep = (depth: number): void => {
      const deep = `${open.repeat(depth)}1${close.repeat(depth)}`;
      for (const body of [deep, `{"metadata": ${deep}}`, `{"metadata": {"a": ${deep}}}`]) {
        expect(() => readBody(MetadataBody, bytes(body))).toThrow(InvalidInput);
      }
    };
    // Up to a thousand times as long with garbage collection, where quadratic time would be 10,000.
    expect(growth(readDeep, most / 100, most)).toBeLessThan(5_000);
  });

  it('is read or refused with InvalidInput, whatever it is', () => {
    const value = fc.anything({ withNullPrototype: false, maxDepth: 4 }).map((anything) => {
      try {
        return JSON.stringify(anything) ?? 'null';
      } catch {
        return 'null';
      }
    });
    const body = fc.oneof(
      fc.uint8Array().map((array) => Buffer.from(array)),
      fc.json().map(bytes),
      value.map((json) => bytes(`{"metadata": ${json}}`)),
      value.map((json) => bytes(`{"metadata": {"k": ${json}}}`)),
      fc.dictionary(fc.string(), fc.string({ unit: 'binary' })).map((metadata) => bytes({ metadata })),
    );
    fc.assert(
      fc.property(body, (body) => {
        try {
          const { metadata } = readBody(MetadataBody, body);
          for (const [key, value] of Object.entries(metadata)) {
            expect(key).toMatch(/^[a-zA-Z0-9-_:. ]{1,255}$/);
            expect(typeof value).toBe('string');
          }
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidInput);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('the body that sets one item', () => {
  it('has just that one', () => {
    expect(readBody(MetaBody, bytes({ meta: { k: 'v' } })).meta).toEqual({ k: 'v' });
    const field = 'Invalid input for field/attribute meta.';
    expect(complaintAbout({ meta: {} }, MetaBody)).toBe(
      `${field} Value: {}. {} does not have enough properties`,
    );
    expect(complaintAbout({ meta: { a: '1', b: '2' } }, MetaBody)).toBe(
      `${field} Value: {'a': '1', 'b': '2'}. {'a': '1', 'b': '2'} has too many properties`,
    );
    expect(complaintAbout({ metadata: {} }, MetaBody)).toBe("'meta' is a required property");
  });
});

function many(count: number): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
}
