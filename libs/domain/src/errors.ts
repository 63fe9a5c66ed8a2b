/** The base of all errors of the domain. Each API turns them into responses of its own. */
export abstract class DomainError extends Error {
  /** Stable; callers may switch over it. */
  abstract readonly code: string;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** There is no such image, or the viewer may not see it. */
export class ImageNotFound extends DomainError {
  readonly code = 'image-not-found';

  constructor(readonly id: string) {
    super(`image ${id} not found`);
  }
}

/** The catalogue is temporarily unavailable. */
export class CatalogueUnavailable extends DomainError {
  readonly code: 'catalogue-unavailable' | 'catalogue-busy' | 'list-timeout' = 'catalogue-unavailable';
  /** Seconds after which a retry makes sense. */
  readonly retryAfter = 1;

  constructor(options?: ErrorOptions) {
    super('the image catalogue is temporarily unavailable', options);
  }
}

/** Timed out in a queue of this service; the database itself may be healthy. */
export class CatalogueBusy extends CatalogueUnavailable {
  override readonly code = 'catalogue-busy';

  constructor(options?: ErrorOptions) {
    super(options);
    this.message = 'too many requests wait for the catalogue';
  }
}

/** A list in an order that no index has did not end within its time limit; the database itself may be healthy. */
export class ListTimeout extends CatalogueUnavailable {
  override readonly code = 'list-timeout';

  /** @param limit the time limit in milliseconds */
  constructor(limit: number) {
    super();
    this.message = `Sorting the list took longer than ${limit} ms. Filter it, or list the newest images first.`;
  }
}

/** The source that the catalogue mirrors is unavailable, or its response cannot be right. */
export class SourceUnavailable extends CatalogueUnavailable {
  constructor(
    /** Why, in one line without secrets. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(options);
    this.message = `the source is unavailable: ${reason}`;
  }
}

/** The marker of a list does not exist, or the viewer may not see it. */
export class MarkerNotFound extends DomainError {
  readonly code = 'marker-not-found';

  constructor(readonly marker: string) {
    super(`marker [${marker}] not found`);
  }
}

/** The caller does not own the image. */
export class NotOwner extends DomainError {
  readonly code = 'not-owner';

  constructor(
    readonly id: string,
    readonly action: 'change' | 'delete',
  ) {
    super(`image ${id} belongs to another project`);
  }
}

/** The image is protected from deletion. */
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

/** A change would give an image more of something than it may have. */
export class LimitExceeded extends DomainError {
  readonly code = 'limit-exceeded';

  constructor(
    readonly of: 'properties' | 'tags' | 'members',
    readonly attempted: number,
    readonly maximum: number,
  ) {
    super(
      `The limit has been exceeded on the number of allowed image ${of}. Attempted: ${attempted}, Maximum: ${maximum}`,
    );
  }
}

/** There is an image of this id, or there was one: an id is never used again. */
export class ImageExists extends DomainError {
  readonly code = 'image-exists';

  constructor(readonly id: string) {
    super(`Image ID ${id} already exists!`);
  }
}

/** The image is shared with this project already. */
export class MemberExists extends DomainError {
  readonly code = 'member-exists';

  constructor(image: string, member: string) {
    super(`Member ${member} is duplicated for image ${image}`);
  }
}

/** The image has no such member, or not for this caller. */
export class MemberNotFound extends DomainError {
  readonly code = 'member-not-found';

  constructor(image: string, member: string) {
    super(`${member} not found in the member list of the image ${image}.`);
  }
}

/** The property that is to be removed does not exist. */
export class PropertyNotFound extends DomainError {
  readonly code = 'property-not-found';

  constructor(readonly key: string) {
    super(`there is no property ${key}`);
  }
}

/** The image has another version than the change requires. */
export class VersionLost extends DomainError {
  readonly code = 'version-lost';

  constructor() {
    super('the image has changed');
  }
}

/** The source of the catalogue refuses the content of a change. */
export class ChangeRefused extends DomainError {
  readonly code = 'change-refused';
}

/** A change was given up because of concurrent changes of the image, or because it is in use. */
export class ChangeConflict extends DomainError {
  readonly code = 'change-conflict';

  constructor(readonly id: string) {
    super(`image ${id} is in use or being changed by another client`);
  }
}

/** The store has no room for the data. */
export class StoreFull extends DomainError {
  readonly code = 'store-full';

  constructor(options?: ErrorOptions) {
    super('There is not enough space in the store of image data.', options);
  }
}

/** The store is unavailable, or lacks an object that it should have. */
export class DataUnavailable extends DomainError {
  readonly code: string = 'data-unavailable';

  constructor(options?: ErrorOptions) {
    super('The store of image data is unavailable.', options);
  }
}

/** The store did not respond within its time limit. */
export class DataTimeout extends DataUnavailable {
  override readonly code = 'data-timeout';

  constructor(options?: ErrorOptions) {
    super(options);
    this.message = 'The store of image data did not respond in time.';
  }
}

/** The data is larger than the store can hold, or than it can receive without knowing the length beforehand. */
export class DataTooLarge extends DomainError {
  readonly code = 'data-too-large';

  constructor(readonly maxBytes: number) {
    super(
      `The data is larger than ${maxBytes / 2 ** 20} MiB, the most that the store can receive without a Content-Length.`,
    );
  }
}
