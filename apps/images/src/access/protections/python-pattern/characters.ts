import { unsupported } from './errors.js';

/** What flags of a Python pattern mean for its characters. */
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

/** Between the brackets of a class, by the letter of Python's escape: what is a digit, a space, of a word. */
const UNICODE = {
  d: '\\p{Nd}',
  s: '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000',
  w: '\\p{L}\\p{N}_',
} as const;
const ASCII = { d: '0-9', s: '\\t-\\r\\x20', w: '0-9A-Za-z_' } as const;

/** What lower and upper case of an ASCII letter do not say: letters beyond ASCII that Python folds to it. */
const FOLDED: Readonly<Record<string, string>> = { i: '\u0130\u0131', k: '\u212a', s: '\u017f' };

const MAX_ASCII = 0x7f;

export type ClassLetter = 'd' | 'D' | 's' | 'S' | 'w' | 'W';

/** `\d` and its like, as they stand between brackets. */
export function classItem(letter: ClassLetter, { ascii }: Flags): string {
  const item = (ascii ? ASCII : UNICODE)[letter.toLowerCase() as 'd' | 's' | 'w'];
  return letter === letter.toLowerCase() ? item : `[^${item}]`;
}

/** Characters from one to another, as they stand between brackets: with whatever differs in case alone. */
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

/** What a dot stands for. */
export function anyCharacter({ dotAll }: Flags): string {
  return dotAll ? '[^]' : '[^\\n]';
}

/** What matches between characters, by how Python writes it. */
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
