/** Control and formatting characters, the bidirectional ones among them, line separators, halves of surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Text from outside, safe for a terminal: a character that could move the cursor, or reorder the text around it, is
 * written as JSON escapes it. JSON text stays JSON with the same value.
 *
 * @example
 * printable('red \u001b[31m'); // 'red \\u001b[31m'
 */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) =>
    Array.from({ length: character.length }, (_, at) => escaped(character.charCodeAt(at))).join(''),
  );
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`;
}
