/** How deep references between values may nest, as in Python. */
const MAX_DEPTH = 10;

/**
 * A value with `%(name)s` replaced by other values and `%%` by a percent sign, as Python's `configparser` does.
 *
 * @param lookUp the value of an option, by its name in lower case
 * @throws an unknown name, a single percent sign, or values that refer to each other in a circle
 */
export function interpolate(value: string, lookUp: (name: string) => string | undefined, depth = 1): string {
  if (depth > MAX_DEPTH) throw new Error(`values name each other more than ${MAX_DEPTH} deep`);
  return value.replaceAll(/%(?:(%)|\(([^)]+)\)s)?/g, (written, percent?: string, name?: string) => {
    if (percent) return '%';
    if (!name) throw new Error(`a percent sign is written %%, not ${JSON.stringify(written)}`);
    const named = lookUp(name.toLowerCase());
    if (named === undefined) throw new Error(`%(${name})s is there neither in the section nor in [DEFAULT]`);
    return named.includes('%') ? interpolate(named, lookUp, depth + 1) : named;
  });
}
