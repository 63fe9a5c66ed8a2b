/**
 * Whether a catalogue can hold a text: PostgreSQL stores neither NUL nor half of a surrogate pair, so no
 * image has them anywhere, and none is ever found by them.
 */
export function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}
