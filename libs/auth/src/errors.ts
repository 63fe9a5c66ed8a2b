import { DomainError } from '@glimpse/domain';

/** No token, or one that is not valid here. */
export class Unauthenticated extends DomainError {
  readonly code = 'unauthenticated';

  constructor(
    /** The value of `WWW-Authenticate`. */
    readonly challenge: string,
  ) {
    super('a valid token is required');
  }
}

/** Whoever knows about tokens cannot be asked at the moment. */
export class AuthenticationUnavailable extends DomainError {
  readonly code = 'authentication-unavailable';

  constructor(
    /** Seconds after which asking again makes sense. */
    readonly retryAfter: number,
  ) {
    super('tokens cannot be validated at the moment');
  }
}

/** Too many tokens are waiting to be validated here; what validates them may be well. */
export class AuthenticationOverloaded extends DomainError {
  readonly code = 'authentication-overloaded';

  constructor(
    /** Seconds after which another try makes sense. */
    readonly retryAfter: number,
  ) {
    super('too many tokens are waiting to be validated');
  }
}

/** A rule of policy refuses what the rules of the domain would allow. */
export class PolicyRefused extends DomainError {
  readonly code = 'policy-refused';

  constructor(readonly rule: string) {
    super(`Policy doesn't allow ${rule} to be performed.`);
  }
}
