import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { pythonRepr, pythonStr } from './python-repr.js';

describe('pythonRepr', () => {
  it.each<[unknown, string]>([
    [null, 'None'],
    [undefined, 'None'],
    [true, 'True'],
    [false, 'False'],
    [0, '0'],
    [-1.5, '-1.5'],
    ['', "''"],
    ['text', "'text'"],
    ["it's", `"it's"`],
    ['say "so"', `'say "so"'`],
    [`it's "so"`, `'it\\'s "so"'`],
    ['back\\slash', "'back\\\\slash'"],
    ['\n\r\t', "'\\n\\r\\t'"],
    ['\0\x1f\x7f\x80\x9f', "'\\x00\\x1f\\x7f\\x80\\x9f'"],
    ['prøtected ✓', "'prøtected ✓'"],
    [[], '[]'],
    [['a', 1, null], "['a', 1, None]"],
    [{}, '{}'],
    [{ k: 'v', n: { deep: [true] } }, "{'k': 'v', 'n': {'deep': [True]}}"],
    [{ "it's": 1 }, `{"it's": 1}`],
  ])('writes %j as Python does', (value, written) => {
    expect(pythonRepr(value)).toBe(written);
  });

  it('stops where it is too deep to matter, however deep it is', () => {
    const deep = JSON.parse(`${'['.repeat(5_000)}${']'.repeat(5_000)}`) as unknown;
    expect(pythonRepr(deep)).toBe(`${'['.repeat(8)}...${']'.repeat(8)}`);
  });

  it('writes no control character, and leaves every other one as it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const written = pythonRepr(text);
        expect(written).not.toMatch(/\p{Cc}/u);
        const plain = text.replace(/[\p{Cc}\\']/gu, '');
        expect(pythonRepr(plain)).toBe(`'${plain}'`);
      }),
    );
  });
});

describe('pythonStr', () => {
  it('leaves a text without quotes, and writes anything else as it is written inside', () => {
    expect(pythonStr("it's\n")).toBe("it's\n");
    expect(pythonStr(['a'])).toBe("['a']");
    expect(pythonStr(null)).toBe('None');
  });
});
