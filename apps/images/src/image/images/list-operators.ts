import { pythonRepr, type NumberRange, type TimeComparison } from '@glimpse/domain';
import { parseIso8601 } from '../../http/iso8601.js';
import { InvalidInput } from '../../http/validation.js';

const TIME_OPERATORS: ReadonlySet<string> = new Set<TimeComparison['operator']>([
  'gt',
  'gte',
  'lt',
  'lte',
  'eq',
  'neq',
]);

/** The operator of a value, and what follows it. A time has colons of its own. */
function splitOperator(value: string): readonly [operator: string, operand: string] {
  const colon = value.indexOf(':');
  if (colon < 0 || parseIso8601(value)) return ['eq', value];
  return [value.slice(0, colon), value.slice(colon + 1)];
}

/** The values of which one matches, or the part of a name that matches. */
export type TextFilter = { readonly values: readonly string[] } | { readonly part: string };

/**
 * Reads `in:a,b`, `eq:a` or a bare value; of the parameter `name` also `contains:part`.
 *
 * @throws {InvalidInput} any other operator
 */
export function readText(parameter: string, value: string): TextFilter {
  const [operator, operand] = splitOperator(value);
  if (operator === 'eq') return { values: [operand] };
  if (operator === 'in') return { values: splitValues(parameter, operand) };
  if (operator === 'contains' && parameter === 'name') {
    if (operand === '')
      throw new InvalidInput("The parameter 'name' must have a part of a name after contains:");
    return { part: operand };
  }
  const known = parameter === 'name' ? 'eq, in and contains' : 'eq and in';
  throw new InvalidInput(
    `The parameter '${parameter}' has the unknown operator ${pythonRepr(operator)}; known are ${known}. A value with a colon is written eq:${value}`,
  );
}

/**
 * Splits the values of `in:`. A value in double quotes may contain commas; a quote after a backslash is no end of it,
 * and both remain part of the value, as in Glance.
 */
function splitValues(parameter: string, list: string): string[] {
  const isQuote = (at: number): boolean => list[at] === '"' && (at === 0 || list[at - 1] !== '\\');
  let isOpen = false;
  for (let at = 0; at < list.length; at++) {
    if (!isQuote(at)) continue;
    const neighbour = isOpen ? list[at + 1] : list[at - 1];
    if (neighbour !== undefined && neighbour !== ',') {
      throw new InvalidInput(
        `The parameter '${parameter}' has no comma ${isOpen ? 'after a closing' : 'before an opening'} quotation mark`,
      );
    }
    isOpen = !isOpen;
  }
  if (isOpen) throw new InvalidInput(`The parameter '${parameter}' has a quotation mark that is not closed`);
  const matches = list.matchAll(/"([^"\\]*(?:\\.[^"\\]*)*)",?|([^,]+),?|,/g);
  return Array.from(matches, ([, quoted, bare]) => quoted ?? bare ?? '');
}

/**
 * Reads `gt:`, `gte:`, `lt:`, `lte:`, `eq:` or `neq:` and a time in ISO 8601, or a bare time.
 *
 * @throws {InvalidInput}
 */
export function readTime(parameter: string, value: string): TimeComparison {
  const [operator, operand] = splitOperator(value);
  const time = parseIso8601(operand);
  if (!time) {
    throw new InvalidInput(
      `The parameter '${parameter}' must be a time in ISO 8601 such as 2026-11-24T02:28:35Z, alone or after an operator such as gte:, not ${pythonRepr(value)}`,
    );
  }
  if (!TIME_OPERATORS.has(operator)) {
    throw new InvalidInput(
      `The parameter '${parameter}' has the unknown operator ${pythonRepr(operator)}; known are ${[...TIME_OPERATORS].join(', ')}`,
    );
  }
  return { operator: operator as TimeComparison['operator'], time };
}

/** @throws {InvalidInput} */
export function readWhole(parameter: string, value: string): number {
  if (!/^\s*[+-]?\d+\s*$/.test(value)) {
    throw new InvalidInput(`The parameter '${parameter}' must be a whole number, not ${pythonRepr(value)}`);
  }
  return Number(value);
}

/** The range of an attribute by its exact value and its bounds; undefined where none is given. */
export function rangeOf(exact?: number, min?: number, max?: number): NumberRange | undefined {
  const lower = [exact, min].filter((one) => one !== undefined);
  const upper = [exact, max].filter((one) => one !== undefined);
  if (lower.length + upper.length === 0) return undefined;
  return {
    ...(lower.length > 0 && { min: Math.max(...lower) }),
    ...(upper.length > 0 && { max: Math.min(...upper) }),
  };
}
