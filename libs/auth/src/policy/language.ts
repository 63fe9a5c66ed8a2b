import { parseCheck, printCheck, type Check } from './check.js';
import { PolicyError, quote } from './error.js';

export type { Check, Template } from './check.js';

/** A rule of oslo.policy's language, as it is evaluated. A value: two equal texts give two equal rules. */
export type Rule =
  | Check
  | { readonly type: 'not'; readonly rule: Rule }
  | { readonly type: 'and' | 'or'; readonly rules: readonly Rule[] };

/** The form that JSON files had before the language: a list of alternatives, each a check or a list of checks. */
export type RuleList = readonly (string | readonly string[])[];

/**
 * How deep operators and, in a loaded policy, references may nest. oslo.policy ends at about as many, where
 * Python's recursion does. Parentheses that change nothing do not count.
 */
export const MAX_DEPTH = 400;

/**
 * Reads a rule. `not` binds tighter than `and`, `and` tighter than `or`; operators are read in any case; the
 * empty text is always true. Time and memory grow with the length of the text, whatever is nested in it.
 *
 * A text that oslo.policy cannot parse is an error; oslo.policy itself logs it and uses `!`.
 *
 * @param source a text, or the list form: alternatives, of which an empty list is always true
 * @throws {PolicyError} and nothing else, for any text
 *
 * @example
 * parse('role:admin or (role:member and project_id:%(project_id)s)');
 */
export function parse(source: string | RuleList): Rule {
  return typeof source === 'string' ? parseText(source) : parseList(source);
}

/**
 * Writes a rule, with parentheses around every operator within another: `parse` gives the same rule back.
 * One thing cannot be written: white space within a check, which only the list form can hold.
 *
 * @example
 * print(parse('role:a OR role:b and role:c')); // 'role:a or (role:b and role:c)'
 */
export function print(rule: Rule): string {
  switch (rule.type) {
    case 'not':
      return `not ${printWithin(rule.rule)}`;
    case 'and':
    case 'or':
      return rule.rules.map(printWithin).join(` ${rule.type} `);
    default:
      return printCheck(rule);
  }
}

function printWithin(rule: Rule): string {
  return rule.type === 'and' || rule.type === 'or' ? `(${print(rule)})` : print(rule);
}

/** All checks of a rule, in the order in which they are written; those of the rules it refers to are not among them. */
export function* checksOf(rule: Rule): Generator<Check> {
  switch (rule.type) {
    case 'not':
      yield* checksOf(rule.rule);
      break;
    case 'and':
    case 'or':
      for (const part of rule.rules) yield* checksOf(part);
      break;
    default:
      yield rule;
  }
}

type Token = '(' | ')' | 'and' | 'or' | 'not' | { readonly check: string };

/** Python's white space, which is not quite JavaScript's: U+001C to U+001F belong to it. */
// eslint-disable-next-line no-control-regex
const SPACE = /[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+/;

/** Words are separated by white space; parentheses are before and after them, those within belong to a check. */
function* tokens(text: string): Generator<Token> {
  for (const word of text.split(SPACE)) {
    let start = 0;
    while (word[start] === '(') {
      yield '(';
      start++;
    }
    let end = word.length;
    while (end > start && word[end - 1] === ')') end--;
    if (end > start) yield tokenOf(word.slice(start, end), end === word.length);
    for (; end < word.length; end++) yield ')';
  }
}

function tokenOf(word: string, last: boolean): Token {
  const lowered = word.toLowerCase();
  if (lowered === 'and' || lowered === 'or' || lowered === 'not') return lowered;
  // oslo.policy parses quoted words without using them; a parenthesis after one makes it a check.
  if (last && /^(?:'.*'|".*")$/s.test(word)) throw new PolicyError(`${quote(word)} is not a check`);
  return { check: word };
}

/** A part of a rule with the depth of its operators. */
interface Part {
  readonly rule: Rule;
  readonly depth: number;
}

/** The parser's state within a pair of parentheses, or of the whole text. */
class Group {
  private readonly alternatives: Part[] = [];
  private conjunction: Part[] = [];
  private negations = 0;
  /** Whether a check may follow; else an operator. */
  open = true;

  negate(): void {
    this.negations++;
  }

  add({ rule, depth }: Part): void {
    let part = { rule, depth };
    for (; this.negations > 0; this.negations--) {
      part = deepened({ type: 'not', rule: part.rule }, [part]);
    }
    this.conjunction.push(part);
    this.open = false;
  }

  join(operator: 'and' | 'or'): void {
    if (operator === 'or') {
      this.alternatives.push(joined('and', this.conjunction));
      this.conjunction = [];
    }
    this.open = true;
  }

  close(): Part {
    this.join('or');
    return joined('or', this.alternatives);
  }
}

function joined(type: 'and' | 'or', parts: readonly Part[]): Part {
  return parts.length === 1 ? parts[0]! : deepened({ type, rules: parts.map(({ rule }) => rule) }, parts);
}

function deepened(rule: Rule, parts: readonly Part[]): Part {
  const depth = 1 + parts.reduce((deepest, part) => Math.max(deepest, part.depth), 0);
  if (depth > MAX_DEPTH) throw new PolicyError(`operators nest deeper than ${MAX_DEPTH}`);
  return { rule, depth };
}

function parseText(text: string): Rule {
  if (text === '') return { type: 'true' };
  const outer: Group[] = [];
  let group = new Group();
  for (const token of tokens(text)) {
    const follows = token !== ')' && token !== 'and' && token !== 'or';
    if (follows !== group.open) {
      const word = typeof token === 'string' ? token : token.check;
      throw new PolicyError(
        `${quote(word)} where ${group.open ? 'a check' : 'an operator'} is expected (in ${quote(text)})`,
      );
    }
    if (token === '(') {
      outer.push(group);
      group = new Group();
    } else if (token === ')') {
      const part = group.close();
      const around = outer.pop();
      if (around === undefined) throw new PolicyError(`")" without "(" (in ${quote(text)})`);
      group = around;
      group.add(part);
    } else if (token === 'not') {
      group.negate();
    } else if (typeof token === 'string') {
      group.join(token);
    } else {
      group.add({ rule: parseCheck(token.check), depth: 0 });
    }
  }
  if (group.open) throw new PolicyError(`ends where a check is expected (in ${quote(text)})`);
  if (outer.length > 0) throw new PolicyError(`"(" without ")" (in ${quote(text)})`);
  return group.close().rule;
}

/** Its checks are used unchanged, white space and parentheses included; alternatives without a check are skipped. */
function parseList(list: RuleList): Rule {
  if (list.length === 0) return { type: 'true' };
  const rules = list
    .filter((checks) => checks.length > 0)
    .map((checks): Rule => {
      if (typeof checks === 'string') return parseCheck(checks);
      return checks.length === 1 ? parseCheck(checks[0]!) : { type: 'and', rules: checks.map(parseCheck) };
    });
  if (rules.length === 0) return { type: 'false' };
  return rules.length === 1 ? rules[0]! : { type: 'or', rules };
}
