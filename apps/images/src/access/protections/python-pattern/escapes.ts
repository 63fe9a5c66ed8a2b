import type { ClassLetter } from './characters.js';
import { unsupported } from './errors.js';
import type { Scanner } from './scanner.js';

const CONTROL: Readonly<Record<string, number>> = {
  a: 7,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 92,
};
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };
const MAX_CODE_POINT = 0x10ffff;
const MAX_OCTAL = 0o377;

/** The meaning of an escape: a character, or a class of characters. */
export type Escape = { readonly code: number } | { readonly letter: ClassLetter };

/**
 * Reads the rest of an escape whose backslash and first character have been read.
 *
 * @param within whether it is inside a character class
 * @throws {PatternError}
 */
export function readEscape(scanner: Scanner, escape: string, within: boolean): Escape {
  const character = escape.slice(1);
  if (/^[dDsSwW]$/.test(character)) return { letter: character as ClassLetter };
  if (within && character === 'b') return { code: 8 };
  const control = CONTROL[character];
  if (control !== undefined) return { code: control };

  const digits = HEX_DIGITS[character];
  if (digits !== undefined) {
    const hex = scanner.readWhile(/^[\da-fA-F]$/, digits);
    if (hex.length < digits) throw scanner.error(`incomplete escape ${escape}${hex}`);
    const code = Number.parseInt(hex, 16);
    if (code > MAX_CODE_POINT) throw scanner.error(`bad escape ${escape}${hex}`);
    return { code };
  }
  if (character === 'N') throw unsupported('\\N, a character by its name,');
  if (/^\d$/.test(character)) return { code: readOctal(scanner, character, within) };
  if (/^[a-zA-Z]$/.test(character)) throw scanner.error(`bad escape ${escape}`);
  return { code: character.codePointAt(0)! };
}

/** `\0`, `\012`, and outside of a character class `\123`; fewer digits there refer to a group. */
function readOctal(scanner: Scanner, first: string, within: boolean): number {
  const isOctal = /^[0-7]$/;
  let digits = first;
  if (within || first === '0') {
    if (!isOctal.test(first)) throw scanner.error(`bad escape \\${first}`);
    digits += scanner.readWhile(isOctal, 2);
  } else {
    const more = isOctal.test(first) ? scanner.readWhile(isOctal, 2) : '';
    if (more.length < 2) throw unsupported(`\\${first}, a reference to a group,`);
    digits += more;
  }
  const code = Number.parseInt(digits, 8);
  if (code > MAX_OCTAL) throw scanner.error(`octal escape value \\${digits} outside of range 0-0o377`);
  return code;
}
