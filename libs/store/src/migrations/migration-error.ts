/** A database cannot be migrated. The message is one line with the reason and a remedy. */
export class MigrationError extends Error {
  readonly code = 'migration-failed';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}
