import { describe, expect, it } from '@jest/globals';
import { oneLine } from './one-line.js';

describe('oneLine', () => {
  it.each([
    ['a line', 'a line'],
    ['two\nlines', 'two lines'],
    ['two\r\nlines', 'two lines'],
    ['two\n\n  lines', 'two lines'],
    ['two\u2028lines', 'two lines'],
    ['a  wide  line', 'a  wide  line'],
  ])('makes of %j %j', (message, line) => {
    expect(oneLine(message)).toBe(line);
  });
});
