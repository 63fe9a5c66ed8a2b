/**
 * Of how many statements of a kind the connections keep a plan. Planning takes longer than reading; but a
 * connection keeps what is once prepared to its end, and clients can make up any number of lists.
 */
const MAX_NAMES = 50;

/**
 * How often at most a statement takes the place of the one that was not used for longest. With the lifetime of
 * connections, this bounds the plans that a connection keeps.
 */
const REPLACE_INTERVAL_MS = 30_000;

/**
 * Gives texts of statements the names under which connections keep their plans. Once there are too many, a text
 * without a name gets the empty one, which is that of a statement that is not kept, until one that is no longer
 * used has made room. A name is never given twice.
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
