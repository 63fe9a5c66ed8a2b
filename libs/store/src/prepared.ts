/**
 * Of how many statements of a kind the connections keep a plan. Planning takes longer than reading; but what is
 * once prepared a connection never gives up, and whoever asks can make up any number of lists.
 */
const MOST = 50;

/**
 * Gives texts of statements the names under which connections keep their plans; once there are too many the
 * empty name, which is that of a statement that is not kept.
 */
export function namesOfPrepared(kind: string): (text: string) => string {
  const names = new Map<string, string>();
  return (text) => {
    const known = names.get(text);
    if (known !== undefined) return known;
    if (names.size === MOST) return '';
    const name = `${kind} ${names.size}`;
    names.set(text, name);
    return name;
  };
}
