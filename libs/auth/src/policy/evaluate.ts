import { pythonStr } from '@glimpse/domain';
import { print, type Check, type Rule, type Template } from './language.js';

/** The caller's attributes, by oslo.policy's names. Values may be nested and may be lists. */
export type CredentialValues = Readonly<Record<string, unknown>>;

/** The attributes of the object. Its keys are plain: `%(a.b)s` is the value of `a.b`. */
export type Target = Readonly<Record<string, unknown>>;

/** The input of an evaluation. */
export interface EvaluationInput {
  readonly credentials: CredentialValues;
  readonly target: Target;
  /** The rules that `rule:` refers to, without cycles. A name that is missing refuses. */
  readonly rules: ReadonlyMap<string, Rule>;
}

/**
 * Whether a rule allows. Values are compared as Python prints them; a key that the target or the credentials lack makes
 * its check false; the case of roles does not matter.
 *
 * @example
 * evaluate(parse('project_id:%(owner)s'), {
 *   credentials: { project_id: 'p1' },
 *   target: { owner: 'p1' },
 *   rules: new Map(),
 * }); // true
 */
export function evaluate(rule: Rule, input: EvaluationInput): boolean {
  switch (rule.type) {
    case 'not':
      return !evaluate(rule.rule, input);
    case 'and':
      return rule.rules.every((part) => evaluate(part, input));
    case 'or':
      return rule.rules.some((part) => evaluate(part, input));
    case 'rule': {
      const named = input.rules.get(rule.name);
      return named !== undefined && evaluate(named, input);
    }
    default:
      return holds(rule, input);
  }
}

type Leaf = Exclude<Check, { readonly type: 'rule' }>;

function holds(check: Leaf, { credentials, target }: EvaluationInput): boolean {
  if (check.type === 'true' || check.type === 'false') return check.type === 'true';
  const wanted = fill(check.match, target);
  if (wanted === undefined) return false;
  switch (check.type) {
    case 'role':
      return rolesOf(credentials).some((role) => role.toLowerCase() === wanted.toLowerCase());
    case 'literal':
      return check.value === wanted;
    case 'credential':
      return valuesAt(credentials, check.path).some((value) => pythonStr(value, Infinity) === wanted);
  }
}

/** A template with the target's values; undefined when the target lacks one. */
function fill({ parts }: Template, target: Target): string | undefined {
  let filled = '';
  for (const part of parts) {
    if (typeof part === 'string') filled += part;
    else if (has(target, part.key)) filled += pythonStr(target[part.key], Infinity);
    else return undefined;
  }
  return filled;
}

function rolesOf(credentials: CredentialValues): string[] {
  const roles = has(credentials, 'roles') ? credentials['roles'] : [];
  return Array.isArray(roles) ? roles.map((each) => pythonStr(each, Infinity)) : [];
}

/** The values at a path: none, one, or those of all items where the path leads through a list. */
function valuesAt(value: unknown, path: readonly string[], at = 0): unknown[] {
  if (at === path.length) return [value];
  const key = path[at]!;
  if (!isRecord(value) || !has(value, key)) return [];
  const held = value[key];
  return Array.isArray(held)
    ? held.flatMap((item) => valuesAt(item, path, at + 1))
    : valuesAt(held, path, at + 1);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function has(record: Readonly<Record<string, unknown>>, key: string): boolean {
  return Object.hasOwn(record, key) && record[key] !== undefined;
}

/** The result of a rule or a part of one, and which of its parts decided it. */
export interface Explanation {
  /** The part, as it is written. */
  readonly rule: string;
  readonly allowed: boolean;
  /** Of a check: the values that were compared, or the one that is missing. Of an operator: null. */
  readonly because: string | null;
  /** The parts that decided: of an `or` the first that holds, of an `and` the first that does not, else all. */
  readonly parts: readonly Explanation[];
}

/** Evaluates a rule and shows which part decided. `allowed` is always the result of `evaluate`. */
export function explain(rule: Rule, input: EvaluationInput): Explanation {
  switch (rule.type) {
    case 'not': {
      const part = explain(rule.rule, input);
      return { rule: print(rule), allowed: !part.allowed, because: null, parts: [part] };
    }
    case 'and':
    case 'or': {
      const decides = rule.type === 'or';
      const parts: Explanation[] = [];
      for (const each of rule.rules) {
        const part = explain(each, input);
        if (part.allowed === decides) {
          return { rule: print(rule), allowed: decides, because: null, parts: [part] };
        }
        parts.push(part);
      }
      return { rule: print(rule), allowed: !decides, because: null, parts };
    }
    case 'rule': {
      const named = input.rules.get(rule.name);
      if (named === undefined) {
        return { rule: print(rule), allowed: false, because: 'there is no such rule', parts: [] };
      }
      const part = explain(named, input);
      return { rule: print(rule), allowed: part.allowed, because: null, parts: [part] };
    }
    default:
      return {
        rule: print(rule),
        allowed: holds(rule, input),
        because: reason(rule, input),
        parts: [],
      };
  }
}

function reason(check: Leaf, { credentials, target }: EvaluationInput): string {
  if (check.type === 'true') return 'always allows';
  if (check.type === 'false') return 'always refuses';
  const lacking = check.match.parts.find((part) => typeof part !== 'string' && !has(target, part.key));
  if (lacking !== undefined) return `the target has no ${(lacking as { key: string }).key}`;
  const wanted = fill(check.match, target)!;
  if (check.type === 'role')
    return `roles are ${listed(rolesOf(credentials))}, wanted is ${listed([wanted])}`;
  if (check.type === 'literal') return `${listed([check.value])} is compared with ${listed([wanted])}`;
  const name = check.path.join('.');
  const values = valuesAt(credentials, check.path).map((each) => pythonStr(each, Infinity));
  if (values.length === 0) return `the credentials have no ${name}`;
  return `${name} is ${listed(values)}, wanted is ${listed([wanted])}`;
}

function listed(values: readonly string[]): string {
  return values.length === 0 ? 'none' : values.map((value) => JSON.stringify(value)).join(', ');
}

/**
 * An explanation as lines for a terminal, the deciding parts indented below what they decide.
 *
 * @example
 * explanationLines(explain(parse('role:admin or role:member'), { credentials: { roles: ['member'] }, … }));
 * // ['allows   role:admin or role:member',
 * //  'allows     role:member: roles are "member", wanted is "member"']
 */
export function explanationLines(explanation: Explanation, depth = 0): string[] {
  const { rule, allowed, because, parts } = explanation;
  const line = `${allowed ? 'allows ' : 'refuses'}  ${'  '.repeat(depth)}${rule}`;
  return [
    because === null ? line : `${line}: ${because}`,
    ...parts.flatMap((part) => explanationLines(part, depth + 1)),
  ];
}
