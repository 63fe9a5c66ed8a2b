/** A database cannot be migrated. The message is one line that says why, and what to do. */
export class MigrationError extends Error {
  readonly code = 'migration-failed';

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MigrationError';
  }
}
