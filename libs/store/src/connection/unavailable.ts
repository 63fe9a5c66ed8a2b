import { setTimeout as sleep } from 'node:timers/promises';
import { CatalogueBusy, CatalogueUnavailable } from '@glimpse/domain';
import { QUEUE_TIMEOUT } from './pool.js';

/** Codes of an unavailable database: of Node's sockets and TLS, of PostgreSQL (SQLSTATE), of Prisma and of ours. */
const UNAVAILABLE_CODES =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08...|53...|55000|25P04|57...|25006|28...|3D000|42501|42P01|P1000|P1001|P1002|P1003|P1008|P1010|P1011|P1017|P2021|P2024|P2028|P2037|CERT_.*|.*_CERT(?:_.*)?|ERR_(?:TLS|SSL)_.*|UNABLE_TO_.*|session-refused)$/;

/** pg's messages without a code. */
const UNAVAILABLE_MESSAGES =
  /Connection terminated|not queryable|timeout expired|Query read timeout|Can't reach database server|does not support SSL|establishing an SSL connection/;

/**
 * Contention with other statements: a serialization failure, a deadlock, a lock timeout. PostgreSQL has rolled the
 * statement back, so it may be sent again.
 */
const CONTENTION_CODES = /^(?:40001|40P01|55P03|P2034)$/;

/** How often a statement is sent again after contention. */
const MAX_RETRIES = 5;
/** After this time it is not sent again: its client has waited long enough. */
const RETRY_WITHIN_MS = 1_000;
/** By how much the longest wait before each retry grows. */
const RETRY_STEP_MS = 20;

/** The database is unavailable. The cause is the error of pg or Prisma. */
export class DatabaseUnavailable extends CatalogueUnavailable {
  constructor(cause: unknown) {
    super({ cause });
    this.message = `the database is unavailable: ${reasonOf(cause)}`;
  }
}

/** Contention went on through all retries. The database itself is healthy. */
class CatalogueContended extends CatalogueUnavailable {
  constructor(cause: unknown) {
    super({ cause });
    this.message = `the database gave up a statement that waited for others: ${reasonOf(cause)}`;
  }
}

/** Why, in one line. */
function reasonOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return (message || code || String(error)).trim().split('\n').at(-1)!.trim();
}

/** The codes and messages of an error and its causes, which pg, Prisma and PostgreSQL put into different fields. */
function causesOf(error: unknown): { codes: unknown[]; message: unknown; syscall: unknown }[] {
  const causes = [];
  for (let seen = error; typeof seen === 'object' && seen !== null;) {
    const { code, originalCode, message, cause, syscall, meta } = seen as Partial<Record<string, unknown>>;
    causes.push({ codes: [code, originalCode], message, syscall });
    seen = cause ?? (meta as { driverAdapterError?: unknown } | undefined)?.driverAdapterError;
  }
  return causes;
}

function hasCode(error: unknown, pattern: RegExp): boolean {
  return causesOf(error).some(({ codes }) =>
    codes.some((code) => typeof code === 'string' && pattern.test(code)),
  );
}

/**
 * Whether an error of a query means that the database is unavailable: no connection, no response in time, no free
 * connection in time, shutting down, or no catalogue in it yet. To be applied only to what a query has thrown.
 */
export function isUnavailable(error: unknown): boolean {
  if (hasCode(error, UNAVAILABLE_CODES)) return true;
  return causesOf(error).some(
    ({ codes: [code], message, syscall }) =>
      // A socket in the file system that is not there; any other file that is missing is no matter of the database.
      (code === 'ENOENT' && syscall === 'connect') ||
      (typeof message === 'string' && UNAVAILABLE_MESSAGES.test(message)),
  );
}

/** Whether time ran out in the pool's own queue for a connection. That is no outage of the database. */
export function isQueueTimeout(error: unknown): boolean {
  return causesOf(error).some(({ message }) => message === QUEUE_TIMEOUT);
}

/** What is known of the database, and where an outage is reported. */
export interface Availability {
  /** Receives the reason why the database is unavailable. */
  readonly onUnavailable?: (error: unknown) => void;
  /** Whether the database is known to be unavailable: then no query is sent. */
  readonly isAway?: () => boolean;
}

/**
 * Runs a query. After contention with other statements it is sent again.
 *
 * @param query sends one statement, or one transaction
 * @throws {DatabaseUnavailable} {CatalogueContended} {CatalogueBusy}; and whatever else the query throws
 */
export async function orUnavailable<T>(
  query: () => Promise<T>,
  { onUnavailable, isAway }: Availability = {},
): Promise<T> {
  if (isAway?.()) throw new CatalogueUnavailable();
  const end = performance.now() + RETRY_WITHIN_MS;
  for (let tries = 1; ; tries++) {
    try {
      return await query();
    } catch (error) {
      if (hasCode(error, CONTENTION_CODES)) {
        if (tries > MAX_RETRIES || performance.now() > end) throw new CatalogueContended(error);
        await sleep(Math.random() * RETRY_STEP_MS * tries);
        continue;
      }
      if (isQueueTimeout(error)) throw new CatalogueBusy({ cause: error });
      if (error instanceof DatabaseUnavailable || !isUnavailable(error)) throw error;
      onUnavailable?.(error);
      throw new DatabaseUnavailable(error);
    }
  }
}
