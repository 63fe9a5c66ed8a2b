/** Deeper levels do not matter to the reader of a message. */
const MESSAGE_DEPTH = 8;

/**
 * A JSON value as Python's `repr` prints it, as messages of OpenStack's services show values. A number without a
 * fraction is printed as an integer: JavaScript has no difference between `1.0` and `1`.
 *
 * @param depth levels of arrays and objects that are printed, enough for a message by default; deeper ones are `...`
 * @see {@link https://docs.python.org/3/library/functions.html#repr}
 *
 * @example
 * pythonRepr({ k: null }); // "{'k': None}"
 */
export function pythonRepr(value: unknown, depth = MESSAGE_DEPTH): string {
  switch (typeof value) {
    case 'string':
      return reprOfText(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return Number.isInteger(value) ? String(BigInt(value)) : pythonFloat(value);
    case 'object': {
      if (value === null) return 'None';
      if (depth === 0) return '...';
      const inner = (held: unknown): string => pythonRepr(held, depth - 1);
      if (Array.isArray(value)) return `[${value.map(inner).join(', ')}]`;
      const entries = Object.entries(value).map(([key, held]) => `${reprOfText(key)}: ${inner(held)}`);
      return `{${entries.join(', ')}}`;
    }
    case 'undefined':
      return 'None';
    default:
      return String(value);
  }
}

/**
 * A value as Python's `str` prints it: a text without quotes, anything else as {@link pythonRepr}.
 *
 * @example
 * pythonStr(true); // 'True'
 * pythonStr(['a', 1]); // "['a', 1]"
 */
export function pythonStr(value: unknown, depth = MESSAGE_DEPTH): string {
  return typeof value === 'string' ? value : pythonRepr(value, depth);
}

/** A float as Python prints it: with a fraction, and with an exponent beyond 16 digits or below 0.0001. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf';
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
    return value.toExponential().replace(/\d+$/, (exponent) => exponent.padStart(2, '0'));
  }
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' };

function reprOfText(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  const inside = text.replace(/[\p{C}\p{Z}'\\]/gu, (character) => {
    if (character === ' ') return ' ';
    if (character === "'") return mark === "'" ? "\\'" : "'";
    return ESCAPES[character] ?? escaped(character.codePointAt(0)!);
  });
  return mark + inside + mark;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
