/**
 * A value as Python's `str()` prints it, which is what oslo.policy compares. A number without a fraction is
 * printed as an integer: JavaScript has no difference between `1.0` and `1`.
 *
 * @example
 * str(true); // 'True'
 * str(null); // 'None'
 * str(['a', 1]); // "['a', 1]"
 */
export function str(value: unknown): string {
  return typeof value === 'string' ? value : repr(value);
}

function repr(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return reprOfText(value);
    case 'boolean':
      return value ? 'True' : 'False';
    case 'number':
      return Number.isInteger(value) ? String(BigInt(value)) : reprOfFloat(value);
    case 'object':
      if (value === null) return 'None';
      if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
      return `{${Object.entries(value)
        .map(([key, held]) => `${repr(key)}: ${repr(held)}`)
        .join(', ')}}`;
    case 'undefined':
      return 'None';
    default:
      return String(value);
  }
}

/** A float as Python prints it: with a fraction, and with an exponent beyond 16 digits or below 0.0001. */
export function reprOfFloat(value: number): string {
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
