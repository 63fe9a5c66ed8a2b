/** Why Keystone cannot be asked about a token. The message is one line that says nothing of tokens. */
export abstract class CannotAsk extends Error {
  abstract readonly code: string;
  /**
   * Whether it concerns other tokens, too. What may be one odd token's doing only counts when several meet it:
   * nobody is to keep others out with a token of their own.
   */
  abstract readonly away: 'certainly' | 'perhaps' | 'no';

  constructor(
    message: string,
    /** Seconds until asking again makes sense. */
    readonly retryAfter = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** It gave no answer that could be read: it cannot be reached, is too slow, or is something else. */
export class NoAnswer extends CannotAsk {
  readonly code = 'no-answer';

  constructor(
    reason: string,
    readonly away: 'certainly' | 'perhaps' = 'perhaps',
    options?: ErrorOptions,
  ) {
    super(reason, undefined, options);
  }
}

/** It answered that something is wrong with it, or what no Keystone answers. */
export class UnexpectedStatus extends CannotAsk {
  readonly code = 'unexpected-status';
  readonly away: 'certainly' | 'perhaps' | 'no';

  /** @param retryAfter seconds, where it said so */
  constructor(
    readonly status: number,
    retryAfter?: number,
  ) {
    super(`it answers ${status}`, retryAfter);
    const asksForIt = retryAfter !== undefined && (status === 429 || status === 503);
    this.away = asksForIt ? 'certainly' : status >= 500 || status === 429 ? 'perhaps' : 'no';
  }
}

/** It does not take the service's own credentials. */
export class CredentialsRefused extends CannotAsk {
  readonly code = 'credentials-refused';
  readonly away = 'no';

  constructor(
    readonly status: number,
    retryAfter: number,
  ) {
    super(`it answers ${status} to the service's own credentials`, retryAfter);
  }
}

/** It does not let the service's user make an application credential. */
export class CredentialForbidden extends CannotAsk {
  readonly code = 'credential-forbidden';
  readonly away = 'no';

  constructor() {
    super(
      "it does not let the service's user make an application credential: one that signs in with such a " +
        'credential may not, unless that is unrestricted',
    );
  }
}

/** It does not let the service validate tokens: its user lacks a role. */
export class ValidationForbidden extends CannotAsk {
  readonly code = 'validation-forbidden';
  readonly away = 'no';

  constructor() {
    super("it does not let the service's user validate tokens: the user needs the role service", 10);
  }
}

/** Its catalog has no endpoint of the interface and region that were asked for. */
export class NoEndpoint extends CannotAsk {
  readonly code = 'no-endpoint';
  readonly away = 'certainly';

  constructor(wanted: string, region: string | undefined) {
    super(
      `its catalog has no identity endpoint ${wanted}${region === undefined ? '' : ` in the region ${region}`}`,
      10,
    );
  }
}

/** It was away a moment ago, and somebody else finds out whether it still is. */
export class KnownAway extends CannotAsk {
  readonly code = 'known-away';
  readonly away = 'no';
}

/** Too many calls run or wait already, or the wait for a place was too long. It says nothing about Keystone. */
export class Overloaded extends CannotAsk {
  readonly code = 'overloaded';
  readonly away = 'no';

  constructor() {
    super('too many tokens are waiting to be validated');
  }
}
