import { readFileSync } from 'node:fs';
import { evaluate, type Credentials, type Policy, type Rule } from '@glimpse/auth';
import { readConfigFile } from './config-file.js';
import { ProtectionFileError } from './errors.js';
import { PropertyView } from './property-view.js';
import {
  readRule,
  type Operation,
  type Permission,
  type ProtectionRule,
  type RuleFormat,
} from './protection-rules.js';

/** The most property names whose matching rule is cached: tenants choose the names. */
const MAX_CACHED_NAMES = 10_000;

/** The settings of property protections. */
export interface ProtectionSources {
  /** Glance's `property_protection_file`. */
  readonly file?: string | undefined;
  readonly rule_format: RuleFormat;
}

/**
 * Which callers may create, read, update and delete which custom properties, by Glance's property protection
 * file: the first rule that matches a name decides, and a name without a matching rule is denied to every caller.
 */
export class PropertyProtections {
  readonly #policyRules: ReadonlyMap<string, Rule>;
  readonly #matches = new Map<string, number>();

  constructor(
    private readonly rules: readonly ProtectionRule[],
    policy: Policy,
  ) {
    this.#policyRules = new Map(policy.rules.map(({ name, rule }) => [name, rule]));
  }

  /** What one caller may do with properties. */
  viewOf(credentials: Credentials): PropertyView {
    const roles = rolesOf(credentials);
    const context = { credentials: { ...credentials, roles }, target: {}, rules: this.#policyRules };
    const counting = new Set(roles);
    const allowed = (permission: Permission): boolean => {
      if (permission.kind === 'roles') return permission.roles.some((role) => counting.has(role));
      return permission.kind === 'policy' ? evaluate(permission.rule, context) : permission.kind === 'all';
    };
    const decided = (operation: Operation): readonly boolean[] =>
      this.rules.map(({ permissions }) => allowed(permissions[operation]));
    return new PropertyView(
      {
        create: decided('create'),
        read: decided('read'),
        update: decided('update'),
        delete: decided('delete'),
      },
      (name) => this.#matching(name),
    );
  }

  /** The sections whose properties are readable for some callers, but not for one with these credentials. */
  sectionsHiddenFrom(credentials: Credentials): readonly string[] {
    const view = this.viewOf(credentials);
    return this.rules
      .filter(({ permissions }, index) => permissions.read.kind !== 'none' && !view.mayReadBy(index))
      .map(({ section }) => section);
  }

  /** The index of the rule that decides for a property; -1: none. */
  #matching(name: string): number {
    let index = this.#matches.get(name);
    if (index === undefined) {
      index = this.rules.findIndex(({ pattern }) => pattern.test(name));
      if (this.#matches.size >= MAX_CACHED_NAMES) this.#matches.clear();
      this.#matches.set(name, index);
    }
    return index;
  }
}

/** The caller's roles in lower case and a service token's as they are, which is how Glance compares them. */
function rolesOf({ roles, service_roles: serviceRoles }: Credentials): readonly string[] {
  const own = roles.map((role) => role.toLowerCase());
  return Array.isArray(serviceRoles) ? [...own, ...(serviceRoles as readonly string[])] : own;
}

/**
 * Reads the file of property protections.
 *
 * @param policy defines the rules that a file of the format `policies` names
 * @returns undefined where nothing is protected: no file is configured, or it has no section
 * @throws {ProtectionFileError}
 */
export function loadProtections(
  { file, rule_format }: ProtectionSources,
  policy: Policy,
): PropertyProtections | undefined {
  if (file === undefined) return undefined;
  const sections = readConfigFile(file, readText(file));
  if (sections.length === 0) return undefined;
  return new PropertyProtections(
    sections.map((section) => readRule(file, section, rule_format, policy)),
    policy,
  );
}

function readText(file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(readFileSync(file));
  } catch (error) {
    throw new ProtectionFileError(
      file,
      `it cannot be read: ${(error as Error).message}`,
      {},
      { cause: error },
    );
  }
}
