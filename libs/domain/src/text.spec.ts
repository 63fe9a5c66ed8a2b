import { describe, expect, it } from '@jest/globals';
import { isStorable } from './text.js';

describe('isStorable', () => {
  it.each(['', 'debian', 'größe ✓', '😀', 'a\u{10ffff}b', '\ufeff', '\u0001'])('accepts %j', (text) => {
    expect(isStorable(text)).toBe(true);
  });

  it.each(['\0', 'a\0b', '\ud800', 'a\udc00', '\ud83d😀', '😀\ude00', '\ude00\ud83d'])(
    'refuses %j',
    (text) => {
      expect(isStorable(text)).toBe(false);
    },
  );
});
