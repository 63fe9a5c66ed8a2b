import { endpointName, type EndpointFilter } from './catalog.js';

/** Keystone validates no token, or not this one. The message is one line without any token. */
export abstract class KeystoneUnavailable extends Error {
  abstract readonly code: string;
  /**
   * Whether other tokens are affected, too. A failure that one odd token may cause counts only when several tokens
   * meet it, so that no client can lock out the others.
   */
  abstract readonly affectsOthers: 'certainly' | 'perhaps' | 'no';

  constructor(
    message: string,
    /** Seconds until a retry makes sense. */
    readonly retryAfter = 1,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** There is no readable response: it cannot be reached, is too slow, or is not Keystone. */
export class NoResponse extends KeystoneUnavailable {
  readonly code = 'no-answer';

  constructor(
    reason: string,
    readonly affectsOthers: 'certainly' | 'perhaps' = 'perhaps',
    options?: ErrorOptions,
  ) {
    super(reason, undefined, options);
  }
}

/** It reports a fault of its own, or responds as no Keystone does. */
export class UnexpectedStatus extends KeystoneUnavailable {
  readonly code = 'unexpected-status';
  readonly affectsOthers: 'certainly' | 'perhaps' | 'no';

  /** @param retryAfter seconds, from `Retry-After` */
  constructor(
    readonly status: number,
    retryAfter?: number,
  ) {
    super(`it answers ${status}`, retryAfter);
    const asksToWait = retryAfter !== undefined && (status === 429 || status === 503);
    this.affectsOthers = asksToWait ? 'certainly' : status >= 500 || status === 429 ? 'perhaps' : 'no';
  }
}

/** It does not accept the service's own credentials. */
export class CredentialsRefused extends KeystoneUnavailable {
  readonly code = 'credentials-refused';
  readonly affectsOthers = 'no';

  constructor(
    readonly status: number,
    retryAfter: number,
  ) {
    super(`it answers ${status} to the service's own credentials`, retryAfter);
  }
}

/** The service's user may not create an application credential. */
export class CredentialForbidden extends KeystoneUnavailable {
  readonly code = 'credential-forbidden';
  readonly affectsOthers = 'no';

  constructor() {
    super(
      "it does not let the service's user make an application credential: one that signs in with such a " +
        'credential may not, unless that is unrestricted',
    );
  }
}

/** The service's user may not validate tokens: it lacks a role. */
export class ValidationForbidden extends KeystoneUnavailable {
  readonly code = 'validation-forbidden';
  readonly affectsOthers = 'no';

  constructor() {
    super("it does not let the service's user validate tokens: the user needs the role service", 10);
  }
}

/** Its catalog has no endpoint of the configured interface and region. */
export class NoEndpoint extends KeystoneUnavailable {
  readonly code = 'no-endpoint';
  readonly affectsOthers = 'certainly';

  constructor(filter: EndpointFilter) {
    super(`its catalog has no ${endpointName(filter)}`, 10);
  }
}

/** The circuit breaker is open: Keystone was unavailable a moment ago, and another call is the probe. */
export class CircuitOpen extends KeystoneUnavailable {
  readonly code = 'known-away';
  readonly affectsOthers = 'no';
}

/** Too many calls wait, or this one waited too long. Keystone may be healthy. */
export class QueueTimeout extends KeystoneUnavailable {
  readonly code = 'overloaded';
  readonly affectsOthers = 'no';

  constructor() {
    super('too many tokens are waiting to be validated');
  }
}
