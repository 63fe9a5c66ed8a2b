/**
 * Whether a catalogue can hold a text: PostgreSQL stores neither NUL nor half of a surrogate pair, so no image
 * contains them, and no filter with them matches.
 */
export function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}

/** Compares two texts by their code points, as PostgreSQL does with `COLLATE "C"`. */
export function compareCodePoints(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    if (one.charCodeAt(index) !== other.charCodeAt(index)) {
      // A difference in the second half of a pair follows equal first halves, and orders like its code point.
      return one.codePointAt(index)! - other.codePointAt(index)!;
    }
  }
  return one.length - other.length;
}
