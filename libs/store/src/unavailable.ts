import { CatalogueUnavailable } from '@glimpse/domain';

/** Codes of Node's sockets and of TLS, of PostgreSQL (SQLSTATE) and of Prisma that say: the database cannot be asked. */
const UNAVAILABLE_CODES =
  /^(?:ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|08...|53...|55000|57...|25006|28...|3D000|42P01|P1000|P1001|P1002|P1003|P1008|P1010|P1011|P1017|P2021|P2024|P2028|P2037|CERT_.*|.*_CERT(?:_.*)?|ERR_TLS_.*|UNABLE_TO_.*)$/;

/** What pg says without a code. */
const UNAVAILABLE_MESSAGES =
  /Connection terminated|not queryable|timeout exceeded when trying to connect|timeout expired|Query read timeout|Can't reach database server|does not support SSL/;

/**
 * Whether an error of a query means that the database cannot be asked: no connection, no answer in time,
 * no free connection in time, shutting down, or no catalogue in it yet. pg, Prisma and PostgreSQL each say
 * it in ways of their own, sometimes as the cause of something else.
 */
export function isUnavailable(error: unknown): boolean {
  for (let seen = error; typeof seen === 'object' && seen !== null;) {
    const { code, message, cause, syscall } = seen as Partial<Record<string, unknown>>;
    // A socket in the file system that is not there; any other file that is missing is no matter of the database.
    if (code === 'ENOENT' && syscall === 'connect') return true;
    const original = (seen as { originalCode?: unknown }).originalCode;
    if (typeof code === 'string' && UNAVAILABLE_CODES.test(code)) return true;
    if (typeof original === 'string' && UNAVAILABLE_CODES.test(original)) return true;
    if (typeof message === 'string' && UNAVAILABLE_MESSAGES.test(message)) return true;
    seen = cause ?? (seen as { meta?: { driverAdapterError?: unknown } }).meta?.driverAdapterError;
  }
  return false;
}

/**
 * Asks the database.
 *
 * @param onUnavailable hears why it cannot be asked
 * @throws {CatalogueUnavailable} it cannot; and whatever else the question throws
 */
export async function orUnavailable<T>(
  question: () => Promise<T>,
  onUnavailable: (error: unknown) => void,
): Promise<T> {
  try {
    return await question();
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    onUnavailable(error);
    throw new CatalogueUnavailable({ cause: error });
  }
}
