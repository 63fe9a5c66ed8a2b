/** A rule that a service registers in code, which policy files may replace. */
export interface RuleDefault {
  readonly name: string;
  readonly text: string;
  /** For the reader of a sample file. */
  readonly description: string;
  /** Whether the service enforces it by its name; otherwise other rules may refer to it. */
  readonly enforced: boolean;
}
