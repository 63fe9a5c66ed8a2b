/**
 * The number of statements of a kind whose plans connections keep. Planning costs more than reading; but a
 * connection keeps a prepared statement to its end, and clients can request any number of different lists.
 */
const MAX_NAMES = 50;

/**
 * The shortest interval at which a statement replaces the least recently used one. With the lifetime of connections,
 * this bounds the plans that a connection keeps.
 */
const REPLACE_INTERVAL_MS = 30_000;

/**
 * Assigns statement texts the names under which connections keep their plans. Once there are too many, a text without
 * a name gets the empty one, with which no plan is kept, until an unused one makes room. A name is never reused.
 *
 * @param now milliseconds of a monotonic clock
 */
export function namesOfPrepared(
  kind: string,
  now: () => number = () => performance.now(),
): (text: string) => string {
  /** The least recently used first. */
  const names = new Map<string, string>();
  let given = 0;
  let replacedAt = -Infinity;
  return (text) => {
    const known = names.get(text);
    if (known === undefined && names.size >= MAX_NAMES) {
      if (now() - replacedAt < REPLACE_INTERVAL_MS) return '';
      replacedAt = now();
      names.delete(names.keys().next().value!);
    }
    const name = known ?? `${kind} ${given++}`;
    names.delete(text);
    names.set(text, name);
    return name;
  };
}
