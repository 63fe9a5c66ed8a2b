/** The scope types of policies; an unscoped token counts as scoped to a project. */
export type TokenScope = 'project' | 'domain' | 'system';

/** A rule that a service registers in code, which policy files may replace. */
export interface RuleDefault {
  readonly name: string;
  readonly text: string;
  /** For sample files. */
  readonly description: string;
  /** Whether the service enforces it by its name; otherwise other rules may refer to it. */
  readonly enforced: boolean;
  /** The scopes that a token needs when the rule is enforced, which no file can change; all by default. */
  readonly scopes?: readonly TokenScope[];
}
