import { describe, expect, it } from '@jest/globals';
import { BoundedJson, MAX_DEPTH, TextTooLong, type JsonBounds } from './bounded-json.js';

/** Reads a text in chunks of every size up to its own, which must make no difference. */
function read(text: string, bounds: Partial<JsonBounds> = {}): unknown {
  const bytes = Buffer.from(text);
  const results = [1, 2, 3, 7, 64, bytes.length].map((size) => {
    const json = new BoundedJson({ maxBytes: 1_048_576, ...bounds });
    for (let from = 0; from < bytes.length; from += size) json.add(bytes.subarray(from, from + size));
    return json.parse();
  });
  for (const result of results) expect(result).toEqual(results[0]);
  return results[0];
}

const nested = (depth: number, inner = '1'): string => '['.repeat(depth) + inner + ']'.repeat(depth);
const depthOf = (value: unknown): number => (Array.isArray(value) ? 1 + depthOf(value[0]) : 0);

describe('bounded JSON', () => {
  it('reads what any JSON text says', () => {
    const value = { a: ['b"\\', '\\"]}', '{[', 'ü😀', -1.5e3, true, null, {}], '': { c: [] } };
    expect(read(JSON.stringify(value))).toEqual(value);
    expect(read(JSON.stringify(value), { maxStringBytes: 100 })).toEqual(value);
  });

  it('replaces what is too deep by null, and reads the rest', () => {
    expect(depthOf(read(nested(MAX_DEPTH)))).toBe(MAX_DEPTH);
    const deep = read(`{"images":[{"name":${nested(200_000, '"]"')},"id":"a"},{"id":"b"}]}`) as {
      images: { name: unknown; id: string }[];
    };
    expect(depthOf(deep.images[0]!.name)).toBe(MAX_DEPTH - 3);
    expect(deep.images.map(({ id }) => id)).toEqual(['a', 'b']);
  });

  it('empties strings that are too long where that is wanted, and keeps none of them', () => {
    const text = JSON.stringify({ ['k'.repeat(300)]: 'x', long: '\\"'.repeat(500_000), short: 'y' });
    expect(read(text, { maxBytes: 1_000, maxStringBytes: 100 })).toEqual({ '': 'x', long: '', short: 'y' });
  });

  it('refuses more bytes than are kept', () => {
    expect(() => read('"xxxxxxxxxx"', { maxBytes: 11 })).toThrow(TextTooLong);
    expect(read('"xxxxxxxxxx"', { maxBytes: 12 })).toBe('xxxxxxxxxx');
  });

  it.each(['', '{', ']', ']['.repeat(9), '[1,]', '"', '\\', nested(MAX_DEPTH + 2).slice(0, -1)])(
    'refuses %j',
    (text) => {
      expect(() => read(text)).toThrow(SyntaxError);
    },
  );
});
