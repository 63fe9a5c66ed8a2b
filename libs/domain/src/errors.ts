/** Why something was not done. Each face turns these into answers of its own. */
export abstract class DomainError extends Error {
  /** Stable; callers may switch over it. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** There is no such image, or it is not for this viewer to see. */
export class ImageNotFound extends DomainError {
  readonly code = 'image-not-found';

  constructor(readonly id: string) {
    super(`image ${id} not found`);
  }
}

/** The catalogue cannot be asked at the moment. */
export class CatalogueUnavailable extends DomainError {
  readonly code = 'catalogue-unavailable';
  /** Seconds after which asking again makes sense. */
  readonly retryAfter = 1;

  constructor(options?: ErrorOptions) {
    super('the catalogue cannot be asked', options);
  }
}
