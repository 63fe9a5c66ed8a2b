import { DomainError } from '@glimpse/domain';

/** A request that Glance would serve by another method than the one that was authorized. */
export class MethodOverride extends DomainError {
  readonly code = 'method-override';

  constructor() {
    super('A request with _method is not passed on: the image service would use that method instead.');
  }
}

/** A request, or its response, has passed this service before: `glance.url` leads back here. */
export class RequestLoop extends DomainError {
  readonly code = 'request-loop';

  constructor() {
    super('The image service behind this one is this one itself.');
  }
}

/** Glance accepts no connections; nothing was sent. */
export class GlanceUnavailable extends DomainError {
  readonly code = 'glance-unavailable';
  /** Seconds after which a retry makes sense. */
  readonly retryAfter = 1;

  constructor(options?: ErrorOptions) {
    super('The image service is temporarily unavailable.', options);
  }
}

/** There is no response, or none that can be passed on: whether Glance made the change is unknown. */
export class GlanceFailed extends DomainError {
  readonly code = 'glance-failed';

  constructor(
    /** In one line. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super('The image service did not complete the request.', options);
  }
}

/** Nothing was sent or received for too long. */
export class GlanceSilent extends DomainError {
  readonly code = 'glance-silent';

  constructor(silenceMs: number) {
    super(`The image service was silent for ${silenceMs / 1000} seconds.`);
  }
}
