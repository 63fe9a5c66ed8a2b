import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pythonFloat, pythonRepr, pythonStr } from './python.js';

describe('pythonStr', () => {
  it.each<[unknown, string]>([
    ['as it is', 'as it is'],
    [true, 'True'],
    [false, 'False'],
    [null, 'None'],
    [undefined, 'None'],
    [0, '0'],
    [-0, '0'],
    [1e21, '1000000000000000000000'],
    [12n, '12'],
    [0.5, '0.5'],
    [1e-7, '1e-07'],
    [0.00001, '1e-05'],
    [Number.POSITIVE_INFINITY, 'inf'],
    [Number.NEGATIVE_INFINITY, '-inf'],
    [Number.NaN, 'nan'],
    [[], '[]'],
    [['a', 1, [null]], "['a', 1, [None]]"],
    [{ a: true, b: [{}] }, "{'a': True, 'b': [{}]}"],
    [["it's", 'say "x"', `"it's"`], `["it's", 'say "x"', '"it\\'s"']`],
    [['\\\n\r\t\u0000\u00a0\u2028\u{e0001}é💥'], "['\\\\\\n\\r\\t\\x00\\xa0\\u2028\\U000e0001é💥']"],
  ])('prints %p as Python does', (value, printed) => {
    expect(pythonStr(value)).toBe(printed);
  });
});

describe('pythonFloat', () => {
  it.each([
    [1, '1.0'],
    [-2.5, '-2.5'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e+16'],
    [1.5e300, '1.5e+300'],
    [0, '0.0'],
  ])('prints %d with what makes it a float', (value, printed) => {
    expect(pythonFloat(value)).toBe(printed);
  });
});

describe('pythonRepr', () => {
  it.each<[unknown, string]>([
    ['', "''"],
    ['text', "'text'"],
    ["it's", `"it's"`],
    ['say "so"', `'say "so"'`],
    [`it's "so"`, `'it\\'s "so"'`],
    ['\0\x1f\x7f\x80\x9f', "'\\x00\\x1f\\x7f\\x80\\x9f'"],
    ['prøtected ✓', "'prøtected ✓'"],
    [-1.5, '-1.5'],
    [{ k: 'v', n: { deep: [true] } }, "{'k': 'v', 'n': {'deep': [True]}}"],
    [{ "it's": 1 }, `{"it's": 1}`],
  ])('prints %j as Python does', (value, printed) => {
    expect(pythonRepr(value)).toBe(printed);
  });

  it('ends at a depth, however deep the value is', () => {
    const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) as unknown;
    expect(pythonRepr(deep)).toBe(`${'['.repeat(8)}...${']'.repeat(8)}`);
    expect(pythonRepr([[[]]], 2)).toBe('[[...]]');
  });

  it('prints no control character, and every letter, digit and sign unchanged', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(pythonRepr(text)).not.toMatch(/\p{Cc}/u);
        const plain = text.replace(/[\p{C}\p{Z}\\']/gu, '');
        expect(pythonRepr(plain)).toBe(`'${plain}'`);
      }),
    );
  });
});
