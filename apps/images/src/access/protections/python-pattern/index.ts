import { PatternError } from './errors.js';
import { Parser } from './parser.js';
import { Scanner } from './scanner.js';

export { PatternError } from './errors.js';

/**
 * The JavaScript form of a pattern of Python's `re`, which finds what `re.search` finds in a text.
 *
 * @throws {PatternError} Python refuses the pattern, or it needs what JavaScript lacks: references to groups,
 *   conditions on them, characters by name, case that is ignored beyond ASCII
 *
 * @example
 * pythonPattern('^x_\\w+\\Z').test('x_secret'); // true
 */
export function pythonPattern(pattern: string): RegExp {
  const source = new Parser(new Scanner(pattern)).parse();
  try {
    return new RegExp(source, 'v');
  } catch (error) {
    throw new PatternError((error as Error).message, true);
  }
}
