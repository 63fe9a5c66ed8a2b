import { oneLine } from './one-line.js';

/**
 * A setting or plugin option that was refused. The message names the thing, the value and what is allowed.
 */
export class InvalidOptions extends Error {
  readonly code = 'invalid-options';

  /** One line for each problem. */
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const lines = problems.map(oneLine);
    super(lines.join('\n'));
    this.problems = lines;
    this.name = 'InvalidOptions';
  }
}
