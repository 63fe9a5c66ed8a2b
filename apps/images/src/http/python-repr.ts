/** How deep a value is written out; what lies deeper cannot matter to whoever reads a message. */
const DEPTH = 8;

/**
 * A JSON value as Python writes it, because Nova's messages show values so: `{'k': None}`.
 *
 * @see {@link https://docs.python.org/3/library/functions.html#repr}
 */
export function pythonRepr(value: unknown, depth = DEPTH): string {
  if (value === null || value === undefined) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'string') return quoted(value);
  if (typeof value !== 'object') return String(value);
  if (depth === 0) return '...';
  if (Array.isArray(value)) return `[${value.map((item) => pythonRepr(item, depth - 1)).join(', ')}]`;
  const items = Object.entries(value).map(([key, item]) => `${quoted(key)}: ${pythonRepr(item, depth - 1)}`);
  return `{${items.join(', ')}}`;
}

/** A value as Python prints it: a text stands without quotes. */
export function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value);
}

function quoted(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text
    .replace(/\\/g, '\\\\')
    .replace(/\n/g, '\\n')
    .replace(/\r/g, '\\r')
    .replace(/\t/g, '\\t')
    .replace(/\p{Cc}/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return quote + (quote === "'" ? escaped.replace(/'/g, "\\'") : escaped) + quote;
}
