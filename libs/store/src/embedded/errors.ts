/** The embedded database cannot run. The message is one line with the reason and a remedy. */
export class EmbeddedDatabaseError extends Error {
  readonly code = 'embedded-database';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EmbeddedDatabaseError';
  }
}
