import { DomainError } from '@glimpse/domain';

/** This service has no store of image data. */
export class NoStore extends DomainError {
  readonly code = 'no-store';

  constructor() {
    super('This service stores no image data: it has no store configured (data.use).');
  }
}

/** The store of image data is that of another catalogue, or was emptied. */
export class WrongStore extends DomainError {
  readonly code = 'wrong-store';

  /** @param name undefined where there is one store */
  constructor(name?: string) {
    const store = name === undefined ? 'The store of image data' : `The store ${name}`;
    super(`${store} is not the one that this catalogue has used before.`);
  }
}

/** There is no store of this name. */
export class UnknownStore extends DomainError {
  readonly code = 'unknown-store';

  constructor(name: string, known: readonly string[]) {
    super(`There is no store ${JSON.stringify(name)}. The stores of this service are: ${known.join(', ')}.`);
  }
}

/** An image needs both formats before it can have data. */
export class FormatsMissing extends DomainError {
  readonly code = 'formats-missing';

  constructor() {
    super('Properties disk_format, container_format must be set prior to saving data.');
  }
}

/** The image does not wait for data. */
export class NotQueued extends DomainError {
  readonly code = 'not-queued';

  constructor(id: string, status: string, wanted: string) {
    super(
      `Image status transition from ${status} to ${wanted} is not allowed: image ${id} does not wait for data.`,
    );
  }
}

/** The image was deleted during its upload, or the upload was given up. */
export class UploadGone extends DomainError {
  readonly code = 'upload-gone';

  constructor(id: string) {
    super(`Image ${id} does not wait for this upload any more; it may have been deleted.`);
  }
}

/** The service stops; the image waits for data again. */
export class UploadCutOff extends DomainError {
  readonly code = 'upload-cut-off';

  constructor() {
    super('The upload was cut off because this service stops. The image waits for data again.');
  }
}

/** The image is deactivated: its data is for administrators alone. */
export class ImageDeactivated extends DomainError {
  readonly code = 'image-deactivated';

  constructor(id: string) {
    super(`The requested image ${id} has been deactivated. Image data download is forbidden.`);
  }
}

/** The image has no staged data. */
export class NotStaged extends DomainError {
  readonly code = 'not-staged';

  constructor() {
    super("Image needs to be staged before 'glance-direct' method can be used");
  }
}

/** Only the data of an active image is copied to further stores, or deleted from one. */
export class NotActive extends DomainError {
  readonly code = 'not-active';

  constructor(id: string, status: string) {
    super(`Image ${id} is ${status}: only the data of active images is copied, or deleted from a store.`);
  }
}

/** Another operation on the data of the image has not ended. */
export class OperationInProgress extends DomainError {
  readonly code = 'operation-in-progress';

  constructor(id: string) {
    super(`New operation on image ${id} is not permitted as prior operation is still in progress.`);
  }
}

/** The store has the data already. */
export class AlreadyStored extends DomainError {
  readonly code = 'already-stored';

  constructor(store: string) {
    super(`Image is already present at store '${store}'.`);
  }
}

/** The image has no data that could be copied. */
export class NothingToCopy extends DomainError {
  readonly code = 'nothing-to-copy';

  constructor(id: string) {
    super(`Image ${id} has no data here that could be copied.`);
  }
}

/** The store does not have the data of the image. */
export class NotInStore extends DomainError {
  readonly code = 'not-in-store';

  constructor(id: string, store: string) {
    super(`Image ${id} is not stored in store ${store}.`);
  }
}

/** No other store has the data. */
export class OnlyStore extends DomainError {
  readonly code = 'only-store';

  constructor() {
    super('Cannot delete image data from the only store containing it. Consider deleting the image instead.');
  }
}

/** The store whose data is to be deleted does not exist. */
export class StoreNotAvailable extends DomainError {
  readonly code = 'store-not-available';

  constructor(store: string) {
    super(`The selected store ${store} is not available on this node.`);
  }
}

/** The data is unsafe to open, or not what the image says. */
export class UnsafeData extends DomainError {
  readonly code = 'unsafe-data';

  constructor(format: string, problem: string) {
    super(`The data looks like a disk image of the format ${format} that is refused: ${problem}.`);
  }
}

/** The project has no room for the data. */
export class StorageQuotaExceeded extends DomainError {
  readonly code = 'storage-quota-exceeded';

  /** @param size of all the data; undefined where it is not known */
  constructor(size: number | undefined, remaining: number) {
    const data = size === undefined ? 'The data' : `The size of the data ${size}`;
    super(
      `Image exceeds the storage quota: ${data} will exceed the limit. ${Math.max(0, remaining)} bytes remaining.`,
    );
  }
}

/** The data is larger than an image may be. */
export class ImageTooLarge extends DomainError {
  readonly code = 'image-too-large';

  constructor(maxBytes: number) {
    super(`The incoming image is too large: an image has at most ${maxBytes} bytes.`);
  }
}

/** The message of an error, and that of the store behind it. */
export function reasonOf({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} ${cause.message}` : message;
}
