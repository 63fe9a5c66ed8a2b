import { parse, type Policy, type Rule } from '@glimpse/auth';
import type { ConfigOption, ConfigSection } from './config-file.js';
import { ProtectionFileError } from './errors.js';
import { PatternError, pythonPattern } from './python-pattern/index.js';

/** The operations on a property. */
export const OPERATIONS = ['create', 'read', 'update', 'delete'] as const;
export type Operation = (typeof OPERATIONS)[number];

/** Which callers an operation is allowed to: all, none, those with a role, or those that a policy rule allows. */
export type Permission =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  /** In lower case. */
  | { readonly kind: 'roles'; readonly roles: readonly string[] }
  | { readonly kind: 'policy'; readonly rule: Rule };

/** A section: the properties it applies to, and the permission of each operation. */
export interface ProtectionRule {
  readonly section: string;
  readonly pattern: RegExp;
  readonly permissions: Readonly<Record<Operation, Permission>>;
}

export type RuleFormat = 'roles' | 'policies';

/**
 * Reads one section.
 *
 * @param policy defines the rules that options name
 * @throws {ProtectionFileError}
 */
export function readRule(
  file: string,
  section: ConfigSection,
  format: RuleFormat,
  policy: Policy,
): ProtectionRule {
  const place = { line: section.line, section: section.name };
  const permissions = Object.fromEntries(
    OPERATIONS.map((operation): [Operation, Permission] => {
      const option = section.get(operation);
      if (!option) throw new ProtectionFileError(file, `${operation} is missing`, place);
      try {
        return [operation, format === 'roles' ? rolesOf(option) : policyOf(option, policy)];
      } catch (error) {
        throw new ProtectionFileError(file, `${operation}: ${(error as Error).message}`, {
          ...place,
          line: option.line,
        });
      }
    }),
  ) as Record<Operation, Permission>;
  return { section: section.name, pattern: patternOf(file, section), permissions };
}

function patternOf(file: string, { name, line }: ConfigSection): RegExp {
  try {
    return pythonPattern(name);
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    throw new ProtectionFileError(file, error.reason, { line, section: name });
  }
}

function rolesOf({ value }: ConfigOption): Permission {
  if (value === '') return { kind: 'none' };
  const roles = value.split(',').map((role) => role.trim());
  const all = roles.includes('@');
  const none = roles.includes('!');
  if (all && none) throw new Error("'@' and '!' exclude each other");
  if (all || none) return { kind: all ? 'all' : 'none' };
  return { kind: 'roles', roles: roles.map((role) => role.toLowerCase()) };
}

function policyOf({ value }: ConfigOption, policy: Policy): Permission {
  if (value === '' || value === '!') return { kind: 'none' };
  if (value === '@') return { kind: 'all' };
  if (value.includes(',')) {
    throw new Error(`${JSON.stringify(value)} is several policies: combine them in the policy file`);
  }
  const rule = parse(`rule:${value}`);
  const known = new Set(policy.rules.map(({ name }) => name));
  const unknown = namedIn(rule).find((name) => !known.has(name));
  if (unknown !== undefined) {
    throw new Error(
      `the policy rule ${JSON.stringify(unknown)} is defined nowhere: policy.file has to define it`,
    );
  }
  for (const name of namedIn(rule)) policy.requireSound(name);
  return { kind: 'policy', rule };
}

function namedIn(rule: Rule): string[] {
  if (rule.type === 'rule') return [rule.name];
  if (rule.type === 'not') return namedIn(rule.rule);
  return rule.type === 'and' || rule.type === 'or' ? rule.rules.flatMap(namedIn) : [];
}
