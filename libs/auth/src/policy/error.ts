/** The place of a policy error. */
export interface PolicyPlace {
  /** The file, as it was named. */
  readonly file?: string;
  /** The name of the rule. */
  readonly rule?: string;
}

/** A policy that cannot be used. The message names the file, the rule and the reason, as far as they are known. */
export class PolicyError extends Error {
  readonly code = 'policy-error';

  constructor(
    readonly reason: string,
    readonly place: PolicyPlace = {},
    options?: ErrorOptions,
  ) {
    const parts = [place.file, place.rule === undefined ? undefined : `rule ${quote(place.rule)}`, reason];
    super(parts.filter((part) => part !== undefined).join(': '), options);
    this.name = 'PolicyError';
  }
}

/** A text as messages show it: quoted, on one line, and not longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

/** Adds the place to the policy errors of a step. */
export function locate<T>(place: PolicyPlace, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    throw new PolicyError(error.reason, { ...place, ...error.place }, { cause: error.cause });
  }
}
