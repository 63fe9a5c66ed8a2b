/**
 * Whether a catalogue can hold a text: PostgreSQL stores neither NUL nor half of a surrogate pair, so no image
 * contains them, and no filter with them matches.
 */
export function isStorable(text: string): boolean {
  return !/[\0\p{Surrogate}]/u.test(text);
}
