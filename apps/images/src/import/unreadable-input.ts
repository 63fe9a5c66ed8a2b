import { DomainError } from '@glimpse/domain';

/** The input is not JSON, or not of images: nothing after this position can be read. */
export class UnreadableInput extends DomainError {
  readonly code = 'unreadable-input';

  constructor(
    /** The position, in bytes. */
    readonly offset: number,
    reason: string,
  ) {
    super(`byte ${offset}: ${reason}`);
  }
}
