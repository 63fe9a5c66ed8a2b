import { PolicyError, quote } from './error.js';
import { evaluate, explain, type CredentialValues, type Explanation, type Target } from './evaluate.js';
import { checksOf, type Rule } from './language.js';

/** A rule of a policy, with where it comes from. */
export interface DefinedRule {
  readonly name: string;
  /** As it was written; the list form as the text that says the same. */
  readonly text: string;
  readonly rule: Rule;
  /** The file that said so last; null: the service's own default. */
  readonly source: string | null;
}

/** A rule, and whether the service ever enforces it, by its name or through another rule. */
export interface ListedRule extends DefinedRule {
  readonly used: boolean;
}

/** The rules of a service, ready to be asked. `loadPolicy` makes one. */
export class Policy {
  /** All rules, by name. */
  readonly rules: readonly ListedRule[];
  private readonly byName: ReadonlyMap<string, Rule>;

  /**
   * @param defined no rule refers to one that is not among them, nor to itself through others
   * @param enforced the names of the rules that the service enforces
   */
  constructor(defined: readonly DefinedRule[], enforced: readonly string[]) {
    this.byName = new Map(defined.map(({ name, rule }) => [name, rule]));
    const used = new Set(enforced.flatMap((name) => [...this.reachableFrom(name)]));
    this.rules = defined
      .map((rule) => ({ ...rule, used: used.has(rule.name) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /**
   * Whether a rule allows something.
   *
   * @param target what it is about; of nothing in particular, every check of a target's key is false
   * @throws {PolicyError} there is no rule of that name
   *
   * @example
   * policy.allows('delete_server', credentialsOf(identity), { project_id: 'p1' });
   */
  allows(name: string, credentials: CredentialValues, target: Target = {}): boolean {
    return evaluate(this.rule(name), { credentials, target, rules: this.byName });
  }

  /** What `allows` says, and which parts of the rule decided it. */
  explain(name: string, credentials: CredentialValues, target: Target = {}): Explanation {
    return explain(this.rule(name), { credentials, target, rules: this.byName });
  }

  /** Whether a rule looks at its target at all; one that does not is decided once for all targets. */
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

  private rule(name: string): Rule {
    const rule = this.byName.get(name);
    if (rule === undefined) throw new PolicyError(`there is no rule ${quote(name)}`);
    return rule;
  }

  /** A rule and those it refers to, at whatever remove. */
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
