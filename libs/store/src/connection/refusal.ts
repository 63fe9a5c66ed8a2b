/**
 * SQLSTATE classes with which PostgreSQL refuses what a statement carries, not the statement: data exception,
 * cardinality violation, integrity constraint violation, program limit exceeded.
 */
const REFUSALS = /^(?:21|22|23|54)...$/;

/** PostgreSQL's message about a row that it refuses; any other error is rethrown. */
export function refusalIn(error: unknown): string {
  if (error instanceof Error && 'code' in error && REFUSALS.test(String(error.code))) return error.message;
  throw error;
}
