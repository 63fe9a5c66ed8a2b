import { describe, expect, it } from '@jest/globals';
import { printable } from './printable.js';

describe('printable', () => {
  it('escapes what controls a terminal or reorders text, and leaves everything else alone', () => {
    expect(printable('Ünï 😀 日本 \\ "')).toBe('Ünï 😀 日本 \\ "');
    expect(printable('\u001b[31m \u009b31m \u007f \n \u202e \u2066 \u200f \u2028 \ufeff')).toBe(
      String.raw`\u001b[31m \u009b31m \u007f \u000a \u202e \u2066 \u200f \u2028 \ufeff`,
    );
    expect(printable('\ud800 \u{e0001}')).toBe(String.raw`\ud800 \udb40\udc01`);
  });

  it('leaves JSON text with the same value', () => {
    const value = { text: 'a\u009b\u202e\u2029\u{1d173}\n"' };
    expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
  });
});
