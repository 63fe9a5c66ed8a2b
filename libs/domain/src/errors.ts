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
  readonly code: 'catalogue-unavailable' | 'catalogue-busy' = 'catalogue-unavailable';
  /** Seconds after which asking again makes sense. */
  readonly retryAfter = 1;

  constructor(options?: ErrorOptions) {
    super('the catalogue cannot be asked', options);
  }
}

/** Time ran out in a queue of this service. That says nothing about the database. */
export class CatalogueBusy extends CatalogueUnavailable {
  override readonly code = 'catalogue-busy';

  constructor(options?: ErrorOptions) {
    super(options);
    this.message = 'too many requests wait for the catalogue';
  }
}

/** The source that the catalogue mirrors cannot be asked at the moment, or says what cannot be right. */
export class SourceUnavailable extends CatalogueUnavailable {
  constructor(
    /** Why, in one line without secrets. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(options);
    this.message = `the source cannot be asked: ${reason}`;
  }
}

/** The image that a list is to go on after does not exist, or is not for this viewer to see. */
export class MarkerNotFound extends DomainError {
  readonly code = 'marker-not-found';

  constructor(readonly marker: string) {
    super(`marker [${marker}] not found`);
  }
}

/** The image is not this identity's to change. */
export class NotOwner extends DomainError {
  readonly code = 'not-owner';

  constructor(
    readonly id: string,
    readonly action: 'change' | 'delete',
  ) {
    super(`image ${id} belongs to another project`);
  }
}

/** The image is protected from being deleted. */
export class ImageProtected extends DomainError {
  readonly code = 'image-protected';

  constructor(readonly id: string) {
    super(`image ${id} is protected`);
  }
}

/** A change would give an image more properties than it may have. */
export class QuotaExceeded extends DomainError {
  readonly code = 'quota-exceeded';

  constructor(readonly quota: number) {
    super(`an image has at most ${quota} properties`);
  }
}

/** The property that is to be removed is not there. */
export class PropertyNotFound extends DomainError {
  readonly code = 'property-not-found';

  constructor(readonly key: string) {
    super(`there is no property ${key}`);
  }
}

/** The image is not in the state that the change was made for. */
export class VersionLost extends DomainError {
  readonly code = 'version-lost';

  constructor() {
    super('the image has changed');
  }
}

/** The source of the catalogue refuses a change for what it says. */
export class ChangeRefused extends DomainError {
  readonly code = 'change-refused';
}

/** A change met others of the same image, or the image is in use, and was given up. */
export class ChangeConflict extends DomainError {
  readonly code = 'change-conflict';

  constructor(readonly id: string) {
    super(`image ${id} is in use or being changed by somebody else`);
  }
}
