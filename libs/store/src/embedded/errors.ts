/** The embedded database cannot run. The message is one line that says why, and what to do instead. */
export class EmbeddedDatabaseError extends Error {
  readonly code = 'embedded-database';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedDatabaseError';
  }
}
