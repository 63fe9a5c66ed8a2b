/** Python refuses a pattern, or JavaScript has no pattern that matches the same. */
export class PatternError extends Error {
  readonly code = 'pattern-error';

  constructor(
    readonly reason: string,
    /** Whether Python takes the pattern. */
    readonly valid = false,
  ) {
    super(reason);
    this.name = 'PatternError';
  }
}

/** A pattern that Python takes and this service does not. */
export function unsupported(what: string): PatternError {
  return new PatternError(`${what} is not supported here, although Python has it`, true);
}
