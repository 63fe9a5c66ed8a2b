/** What a token may be scoped to, as far as policies tell scopes apart: one for nothing counts as a project's. */
export type TokenScope = 'project' | 'domain' | 'system';

/** A rule that a service registers in code, which policy files may replace. */
export interface RuleDefault {
  readonly name: string;
  readonly text: string;
  /** For the reader of a sample file. */
  readonly description: string;
  /** Whether the service enforces it by its name; otherwise other rules may refer to it. */
  readonly enforced: boolean;
  /** The scopes that a token needs where the rule is enforced, whatever a file says; all unless given. */
  readonly scopes?: readonly TokenScope[];
}
