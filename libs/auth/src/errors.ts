import { DomainError } from '@glimpse/domain';

/** There is no token, or it is not valid for this request. */
export class Unauthenticated extends DomainError {
  readonly code = 'unauthenticated';

  constructor(
    /** The value of `WWW-Authenticate`. */
    readonly challenge: string,
  ) {
    super('a valid token is required');
  }
}

/** Tokens cannot be validated at the moment. */
export class AuthenticationUnavailable extends DomainError {
  readonly code = 'authentication-unavailable';

  constructor(
    /** Seconds after which a retry makes sense. */
    readonly retryAfter: number,
  ) {
    super('tokens cannot be validated at the moment');
  }
}

/** Queue timeout: too many tokens wait for validation. The identity service may be healthy. */
export class AuthenticationOverloaded extends DomainError {
  readonly code = 'authentication-overloaded';

  constructor(
    /** Seconds after which a retry makes sense. */
    readonly retryAfter: number,
  ) {
    super('too many tokens are waiting to be validated');
  }
}

/** A policy rule refuses the request. */
export class PolicyRefused extends DomainError {
  readonly code = 'policy-refused';

  constructor(readonly rule: string) {
    super(`Policy doesn't allow ${rule} to be performed.`);
  }
}
