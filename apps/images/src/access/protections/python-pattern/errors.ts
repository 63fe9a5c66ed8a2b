/** A pattern that Python refuses, or that has no equivalent in JavaScript. */
export class PatternError extends Error {
  readonly code = 'pattern-error';

  constructor(
    readonly reason: string,
    /** Whether Python accepts the pattern. */
    readonly valid = false,
  ) {
    super(reason);
    this.name = 'PatternError';
  }
}

/** A pattern that Python accepts and this service does not. */
export function unsupported(what: string): PatternError {
  return new PatternError(`${what} is not supported here, although Python has it`, true);
}
