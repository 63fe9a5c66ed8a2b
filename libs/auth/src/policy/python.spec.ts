import { describe, expect, it } from '@jest/globals';
import { reprOfFloat, str } from './python.js';

describe('str', () => {
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
    expect(str(value)).toBe(printed);
  });
});

describe('reprOfFloat', () => {
  it.each([
    [1, '1.0'],
    [-2.5, '-2.5'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e+16'],
    [1.5e300, '1.5e+300'],
    [0, '0.0'],
  ])('prints %d with what makes it a float', (value, printed) => {
    expect(reprOfFloat(value)).toBe(printed);
  });
});
