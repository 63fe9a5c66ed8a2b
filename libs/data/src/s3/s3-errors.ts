import { DataTimeout, DataUnavailable, DomainError, StoreFull } from '@glimpse/domain';

/** The codes with which S3 services refuse what exceeds a quota or their disks. */
const FULL = new Set([
  'QuotaExceeded',
  'EntityTooLarge',
  'InsufficientCapacity',
  'InsufficientStorage',
  'XMinioStorageFull',
  'XMinioAdminBucketQuotaExceeded',
]);

const NOT_FOUND = 404;
const INSUFFICIENT_STORAGE = 507;
const TOO_MANY_REQUESTS = 429;

/** Codes of the status 400 that a further attempt may not meet. */
const TRANSIENT = new Set(['RequestTimeout', 'BadDigest', 'IncompleteBody']);

/** The SDK names broken connections `TimeoutError`, too. */
const BROKEN = new Set(['ECONNRESET', 'EPIPE']);

const UNKNOWN_AUTHORITY = 'no authority of ca_file has signed the certificate of the service';
/** What an operator has to check, by the code of the service or of Node.js; settings are options of the store. */
const REMEDIES: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: UNKNOWN_AUTHORITY,
  SELF_SIGNED_CERT_IN_CHAIN: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT: UNKNOWN_AUTHORITY,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNKNOWN_AUTHORITY,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNKNOWN_AUTHORITY,
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the service is for another name than endpoint has',
  RequestTimeTooSkewed: 'the clocks of this machine and of the service differ',
  InvalidAccessKeyId: 'the service does not know the access key of access_key_file',
  SignatureDoesNotMatch: 'access_key_file and secret_key_file do not belong together',
  AuthorizationHeaderMalformed: 'the region of the service may be another one than region',
};

interface S3Failure {
  readonly name?: unknown;
  readonly code?: unknown;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

/** The status of the response; responses to HEAD have nothing else. */
function statusOf(error: unknown): number | undefined {
  return (error as S3Failure | undefined)?.$metadata?.httpStatusCode;
}

/** Whether there is no such object or upload; without its bucket a store is unavailable. */
export function isNotFound(error: unknown): boolean {
  return statusOf(error) === NOT_FOUND && (error as S3Failure).name !== 'NoSuchBucket';
}

/** Whether a service refuses a request because of a header that it does not know. */
export function isNotImplemented(error: unknown): boolean {
  return statusOf(error) === 501;
}

/** Whether a further attempt may succeed. A store that was silent for the whole time limit has had its time. */
export function isTransient(failure: DomainError): boolean {
  if (failure instanceof DataTimeout) return false;
  const error = failure.cause;
  const status = statusOf(error);
  if (status === undefined || status === TOO_MANY_REQUESTS) return true;
  if (status === INSUFFICIENT_STORAGE) return false;
  return status >= 500 || TRANSIENT.has(String((error as S3Failure).name));
}

/** Adds to the message of a failure what an operator has to check. */
function explain(error: S3Failure & { message?: string }): void {
  const code = [error.code, error.name].map(String).find((each) => Object.hasOwn(REMEDIES, each));
  if (code !== undefined) error.message = `${error.message} (${code}): ${REMEDIES[code]}`;
}

/** What the failure of a request means for the store. */
export function storeErrorOf(error: unknown): DomainError {
  if (error instanceof DomainError) return error;
  explain(error as S3Failure & { message?: string });
  const name = String((error as S3Failure).name);
  if (FULL.has(name) || statusOf(error) === INSUFFICIENT_STORAGE) return new StoreFull({ cause: error });
  const isBroken = BROKEN.has(String((error as S3Failure).code));
  if (name === 'TimeoutError' && !isBroken) return new DataTimeout({ cause: error });
  return new DataUnavailable({ cause: error });
}
