import { DomainError } from '@glimpse/domain';

/** The store has no room for the data. */
export class StoreFull extends DomainError {
  readonly code = 'store-full';

  constructor() {
    super('There is not enough space in the store of image data.');
  }
}

/** The store is unavailable, or lacks an object that it should have. */
export class DataUnavailable extends DomainError {
  readonly code = 'data-unavailable';

  constructor(options?: ErrorOptions) {
    super('The store of image data is unavailable.', options);
  }
}
