import { DomainError } from '@glimpse/domain';

/** No route has this path. */
export class RouteNotFound extends DomainError {
  readonly code = 'route-not-found';

  constructor() {
    super('The resource could not be found.');
  }
}

/** A route has this path, but not for this method. */
export class MethodNotAllowed extends DomainError {
  readonly code = 'method-not-allowed';

  constructor(
    method: string,
    /** The methods that the path has. */
    readonly allow: string,
  ) {
    super(`The method ${method} is not allowed for this resource; allowed are ${allow}.`);
  }
}

/** A method that Node's HTTP parser does not support, so that no route can have it. */
export class MethodNotImplemented extends DomainError {
  readonly code = 'method-not-implemented';

  constructor(method: string) {
    super(`The method ${method.slice(0, 100)} is not implemented.`);
  }
}

/** The `Content-Type` of a body is one that this API does not read. */
export class UnsupportedMediaType extends DomainError {
  readonly code = 'unsupported-media-type';

  constructor() {
    super('Unsupported Content-Type');
  }
}

/** Malformed HTTP, or a request that cannot be routed. */
export class MalformedRequest extends DomainError {
  readonly code = 'malformed-request';
}

/** The body exceeds the limit. */
export class BodyTooLarge extends DomainError {
  readonly code = 'body-too-large';

  constructor(maxBytes: number) {
    super(`The request body is larger than ${maxBytes} bytes.`);
  }
}

/** Node reads at most 16 KiB of request line and headers. */
export class HeadersTooLarge extends DomainError {
  readonly code = 'headers-too-large';

  constructor() {
    super('The request line and headers are larger than 16384 bytes.');
  }
}

/** Headers or body did not arrive in time. */
export class RequestTimeout extends DomainError {
  readonly code = 'request-timeout';

  constructor() {
    super('The request did not arrive in time.');
  }
}

/** An `Expect` header with an expectation other than 100-continue. */
export class ExpectationFailed extends DomainError {
  readonly code = 'expectation-failed';

  constructor() {
    super('The only expectation that is met is 100-continue.');
  }
}
