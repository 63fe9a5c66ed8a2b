import type { Scanner } from './scanner.js';

/** How often the part before it is repeated. */
export interface Quantifier {
  readonly min: number;
  readonly max: number;
  /** As JavaScript writes it, greedy. */
  readonly text: string;
  readonly mode: 'greedy' | 'lazy' | 'possessive';
}

/**
 * Reads a quantifier, if one comes next: a brace that begins none is a character.
 *
 * @throws {PatternError}
 */
export function readQuantifier(scanner: Scanner): Quantifier | undefined {
  const bounds = readBounds(scanner);
  if (!bounds) return undefined;
  const [min, max] = bounds;
  const mode = scanner.accept('?') ? 'lazy' : scanner.accept('+') ? 'possessive' : 'greedy';
  return { min, max, text: `{${min},${max === Infinity ? '' : max}}`, mode };
}

function readBounds(scanner: Scanner): readonly [number, number] | undefined {
  if (scanner.accept('?')) return [0, 1];
  if (scanner.accept('*')) return [0, Infinity];
  if (scanner.accept('+')) return [1, Infinity];
  const start = scanner.position;
  if (!scanner.accept('{')) return undefined;
  const low = scanner.readWhile(/^\d$/);
  const comma = scanner.accept(',');
  const high = comma ? scanner.readWhile(/^\d$/) : low;
  if ((low === '' && !comma) || !scanner.accept('}')) {
    scanner.returnTo(start);
    return undefined;
  }
  const min = Number(low);
  const max = high === '' ? Infinity : Number(high);
  if (max < min) throw scanner.error('min repeat greater than max repeat');
  // Python's own bound; JavaScript has a lower one of its own.
  if (min >= 2 ** 32 - 1 || (max !== Infinity && max >= 2 ** 32 - 1)) {
    throw scanner.error('the repetition number is too large');
  }
  return [min, max];
}
