import { PolicyError, quote, type PolicyPlace } from './error.js';
import { evaluate, explain, type CredentialValues, type Explanation, type Target } from './evaluate.js';
import { checksOf, type Rule } from './language.js';
import type { TokenScope } from './rule-default.js';

/** A rule of a policy, with where it comes from. */
export interface DefinedRule {
  readonly name: string;
  /** As it was written; for the list form the equivalent text. */
  readonly text: string;
  readonly rule: Rule;
  /** The file that defines it; null: the service's default. */
  readonly source: string | null;
  /** The scopes that a token needs where the rule is enforced by its name; undefined: any. */
  readonly scopes?: readonly TokenScope[] | undefined;
  /** Why some of its checks never hold. */
  readonly problems?: readonly string[];
}

/** Why a rule cannot have the effect that it describes, and where it is written. */
export interface RuleProblem {
  readonly rule: string;
  readonly source: string | null;
  readonly problem: string;
}

/** A rule, and whether the service ever enforces it, by its name or through another rule. */
export interface ListedRule extends DefinedRule {
  readonly used: boolean;
}

/** The rules of a service, for evaluation. `loadPolicy` creates one. */
export class Policy {
  /** All rules, by name. */
  readonly rules: readonly ListedRule[];
  private readonly byName: ReadonlyMap<string, Rule>;
  private readonly defined: ReadonlyMap<string, DefinedRule>;

  /**
   * @param defined no rule refers to itself through others
   * @param enforced the names of the rules that the service enforces
   */
  constructor(defined: readonly DefinedRule[], enforced: readonly string[]) {
    this.byName = new Map(defined.map(({ name, rule }) => [name, rule]));
    this.defined = new Map(defined.map((rule) => [rule.name, rule]));
    const used = new Set(enforced.flatMap((name) => [...this.reachableFrom(name)]));
    this.rules = defined
      .map((rule) => ({ ...rule, used: used.has(rule.name) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Whether a rule allows something.
   *
   * @param target the attributes of the object; without one, every check of a target's key is false
   * @throws {PolicyError} there is no rule of that name
   *
   * @example
   * policy.allows('delete_server', credentialsOf(identity), { project_id: 'p1' });
   */
  allows(name: string, credentials: CredentialValues, target: Target = {}): boolean {
    const rule = this.rule(name);
    return this.isInScope(name, credentials) && evaluate(rule, { credentials, target, rules: this.byName });
  }

  /** The result of `allows`, and which parts of the rule decided it. */
  explain(name: string, credentials: CredentialValues, target: Target = {}): Explanation {
    const explanation = explain(this.rule(name), { credentials, target, rules: this.byName });
    if (this.isInScope(name, credentials)) return explanation;
    const wanted = this.defined.get(name)!.scopes!.join(' or ');
    const because = `the scope of the token is ${scopeOf(credentials)}, wanted is ${wanted}`;
    return { rule: explanation.rule, allowed: false, because, parts: [] };
  }

  /** The problems of rules that nothing enforces. */
  get warnings(): readonly RuleProblem[] {
    return this.rules
      .filter(({ used }) => !used)
      .flatMap(({ name, source, problems = [] }) =>
        problems.map((problem) => ({ rule: name, source, problem })),
      );
  }

  /**
   * Refuses a rule with checks that never hold, also in rules that it refers to.
   *
   * @throws {PolicyError}
   */
  requireSound(name: string): void {
    for (const reached of this.reachableFrom(name)) {
      const rule = this.defined.get(reached);
      const [problem] = rule?.problems ?? [];
      if (rule && problem !== undefined) throw new PolicyError(problem, placeOf(rule));
    }
  }

  /** Whether the result of a rule depends on the target. */
  readsTarget(name: string): boolean {
    this.rule(name);
    return [...this.reachableFrom(name)].some((reached) => {
      return [...checksOf(this.rule(reached))].some((check) => {
        return 'match' in check && check.match.parts.some((part) => typeof part !== 'string');
      });
    });
  }

  /** Whether there is a rule of that name. */
  has(name: string): boolean {
    return this.byName.has(name);
  }

  private isInScope(name: string, credentials: CredentialValues): boolean {
    const { scopes } = this.defined.get(name) ?? {};
    return scopes === undefined || scopes.includes(scopeOf(credentials));
  }

  private rule(name: string): Rule {
    const rule = this.byName.get(name);
    if (rule === undefined) throw new PolicyError(`there is no rule ${quote(name)}`);
    return rule;
  }

  /** A rule and all that it refers to, directly or indirectly. */
  private reachableFrom(name: string): Set<string> {
    const reached = new Set([name]);
    for (const each of reached) {
      const rule = this.byName.get(each);
      if (rule === undefined) continue;
      for (const check of checksOf(rule)) if (check.type === 'rule') reached.add(check.name);
    }
    return reached;
  }
}

/** The scope of a token, which oslo.policy derives from the credentials. */
function scopeOf(credentials: CredentialValues): TokenScope {
  if (credentials['system']) return 'system';
  return credentials['domain_id'] ? 'domain' : 'project';
}

/** Where a rule is written. */
export function placeOf({ name, source }: Pick<DefinedRule, 'name' | 'source'>): PolicyPlace {
  return { rule: name, ...(source !== null && { file: source }) };
}
