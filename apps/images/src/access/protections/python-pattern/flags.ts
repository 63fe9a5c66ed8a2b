import type { Flags } from './characters.js';
import { unsupported } from './errors.js';
import type { Scanner } from './scanner.js';

const NAMES: Readonly<Record<string, keyof Flags | undefined>> = {
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  x: 'verbose',
};

/**
 * Reads flags whose first letter has been read: `i)` or `i-s:`.
 *
 * @returns the flags from here on, and whether they apply to a group only
 * @throws {PatternError}
 */
export function readFlags(
  scanner: Scanner,
  first: string,
  flags: Flags,
): { readonly changed: Flags; readonly scoped: boolean } {
  const on = new Set<string>();
  const off = new Set<string>();
  let letters = on;
  let letter: string | undefined = first;
  for (; letter !== ':' && letter !== ')'; letter = scanner.advance()) {
    if (letter === '-' && letters === on) {
      letters = off;
      continue;
    }
    if (letter === undefined) throw scanner.error('missing -, : or )');
    if (!/^[aimsux]$/.test(letter)) throw scanner.error(`unknown extension or flag ?${letter}`);
    if (letters === off && /^[au]$/.test(letter)) {
      throw scanner.error("bad inline flags: cannot turn off flags 'a', 'u' and 'L'");
    }
    letters.add(letter);
  }
  const scoped = letter === ':';
  if (letters === off && (off.size === 0 || !scoped)) throw scanner.error('missing flag or :');
  if (on.has('a') && on.has('u')) {
    throw scanner.error("bad inline flags: flags 'a', 'u' and 'L' are incompatible");
  }
  if ([...on].some((each) => off.has(each))) {
    throw scanner.error('bad inline flags: flag turned on and off');
  }
  // CPython's search skips matches of such a group, because it uses the classes outside of the group.
  if (scoped && (on.has('a') || on.has('u'))) throw unsupported(`(?${on.has('a') ? 'a' : 'u'}:…)`);
  const changed: Record<keyof Flags, boolean> = { ...flags };
  for (const each of on) if (NAMES[each]) changed[NAMES[each]] = true;
  for (const each of off) if (NAMES[each]) changed[NAMES[each]] = false;
  if (on.has('a')) changed.ascii = true;
  if (on.has('u')) changed.ascii = false;
  return { changed, scoped };
}
