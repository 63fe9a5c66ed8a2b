import { unsupported } from './errors.js';

/** The flags of a Python pattern that affect which characters match. */
export interface Flags {
  /** `i` */
  readonly ignoreCase: boolean;
  /** `a`: classes are those of ASCII. */
  readonly ascii: boolean;
  /** `m` */
  readonly multiline: boolean;
  /** `s` */
  readonly dotAll: boolean;
  /** `x` */
  readonly verbose: boolean;
}

/** The contents of a character class for each of Python's escapes: digit, space, word character. */
const UNICODE = {
  d: '\\p{Nd}',
  s: '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000',
  w: '\\p{L}\\p{N}_',
} as const;
const ASCII = { d: '0-9', s: '\\t-\\r\\x20', w: '0-9A-Za-z_' } as const;

/** Letters beyond ASCII that Python folds to an ASCII letter when it ignores case. */
const FOLDED: Readonly<Record<string, string>> = { i: '\u0130\u0131', k: '\u212a', s: '\u017f' };

const MAX_ASCII = 0x7f;

export type ClassLetter = 'd' | 'D' | 's' | 'S' | 'w' | 'W';

/** `\d` and similar escapes as an item of a character class. */
export function classItem(letter: ClassLetter, { ascii }: Flags): string {
  const item = (ascii ? ASCII : UNICODE)[letter.toLowerCase() as 'd' | 's' | 'w'];
  return letter === letter.toLowerCase() ? item : `[^${item}]`;
}

/** A range of characters as items of a character class, including characters that differ only in case. */
export function rangeItem(first: number, last: number, flags: Flags): string {
  const range = first === last ? escaped(first) : `${escaped(first)}-${escaped(last)}`;
  if (!flags.ignoreCase) return range;
  if (last > MAX_ASCII) {
    throw unsupported('a character beyond ASCII where case is ignored');
  }
  let items = range;
  for (let code = first; code <= last; code++) items += sameLetters(code, flags);
  return items;
}

function sameLetters(code: number, { ascii }: Flags): string {
  const character = String.fromCharCode(code);
  if (!/[a-z]/i.test(character)) return '';
  const lower = character.toLowerCase();
  return lower + lower.toUpperCase() + (ascii ? '' : (FOLDED[lower] ?? ''));
}

function escaped(code: number): string {
  return `\\u{${code.toString(16)}}`;
}

/** The pattern of a dot. */
export function anyCharacter({ dotAll }: Flags): string {
  return dotAll ? '[^]' : '[^\\n]';
}

/** The assertions that match between characters, by Python's notation. */
export function boundary(kind: '^' | '$' | 'A' | 'Z' | 'b' | 'B', flags: Flags): string {
  const word = `[${classItem('w', flags)}]`;
  switch (kind) {
    case '^':
      return flags.multiline ? '(?<![^\\n])' : '(?<![^])';
    case '$':
      return flags.multiline ? '(?![^\\n])' : '(?=\\n?(?![^]))';
    case 'A':
      return '(?<![^])';
    case 'Z':
      return '(?![^])';
    case 'b':
      return `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`;
    case 'B':
      // Nowhere in an empty text.
      return `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word})(?:(?<=[^])|(?=[^])))`;
  }
}
