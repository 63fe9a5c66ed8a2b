/** A body of the Image API in which tags are a set, and a link of a list its path and the set of its parameters. */
export function comparable(body: unknown): unknown {
  return JSON.parse(JSON.stringify(body), (key, value: unknown) => {
    if (key === 'tags' && Array.isArray(value)) return [...(value as string[])].sort();
    if ((key === 'first' || key === 'next') && typeof value === 'string') {
      const { pathname, searchParams } = new URL(value, 'http://images');
      return { pathname, parameters: [...searchParams].map(String).sort() };
    }
    return value;
  });
}
