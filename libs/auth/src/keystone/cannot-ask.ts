/** Why Keystone cannot be asked about a token. The message is one line that says nothing of tokens. */
export abstract class CannotAsk extends Error {
  abstract readonly code: string;
  /** Whether there is no sense in asking again at once. */
  readonly away: boolean = false;

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
  override readonly away = true;

  constructor(
    reason: string,
    /** Whether a second try may do better: what took too long once would do so again. */
    readonly passing = false,
    options?: ErrorOptions,
  ) {
    super(reason, undefined, options);
  }
}

/** It answered that something is wrong with it, or what no Keystone answers. */
export class UnexpectedStatus extends CannotAsk {
  readonly code = 'unexpected-status';
  override readonly away: boolean;

  constructor(status: number, retryAfter?: number) {
    super(`it answers ${status}`, retryAfter);
    this.away = status >= 502 && status <= 504;
  }
}

/** It does not take the service's own credentials. */
export class CredentialsRefused extends CannotAsk {
  readonly code = 'credentials-refused';

  constructor(status: number, retryAfter: number) {
    super(`it answers ${status} to the service's own credentials`, retryAfter);
  }
}

/** It does not let the service validate tokens: its user lacks a role. */
export class ValidationForbidden extends CannotAsk {
  readonly code = 'validation-forbidden';

  constructor() {
    super("it does not let the service's user validate tokens: the user needs the role service", 10);
  }
}

/** It was away a moment ago, and somebody else finds out whether it still is. */
export class KnownAway extends CannotAsk {
  readonly code = 'known-away';
}

/** Too many are asking already. */
export class NoSlot extends CannotAsk {
  readonly code = 'no-slot';
}
