import { DomainError } from '@glimpse/domain';

/** An input is not JSON, or not of images: nothing after this place can be read. */
export class UnreadableInput extends DomainError {
  readonly code = 'unreadable-input';

  constructor(
    /** The bytes before the place. */
    readonly offset: number,
    reason: string,
  ) {
    super(`byte ${offset}: ${reason}`);
  }
}
