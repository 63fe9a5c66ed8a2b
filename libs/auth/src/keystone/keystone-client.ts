import {
  RequestFailed,
  createHttpClient,
  withRetries,
  type HttpClient,
  type HttpResponse,
} from '@glimpse/http-client';
import { NoResponse } from './errors.js';
import type { KeystoneOptions } from './options.js';

/** Catalogs of large clouds stay far below. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;
const RETRY_PAUSES_MS = [100, 300];

/**
 * A client for Keystone, which retries where that may help: the connection broke, or Keystone reports a fault of its
 * own without `Retry-After`. It throws {@link NoResponse} where it would throw `RequestFailed`.
 */
export function createKeystoneClient({
  connectTimeout,
  ca,
}: Pick<KeystoneOptions, 'connectTimeout' | 'ca'>): HttpClient {
  const send = withRetries(
    createHttpClient({ connectTimeoutMs: connectTimeout * 1000, ca, maxResponseBytes: MAX_RESPONSE_BYTES }),
    { pausesMs: RETRY_PAUSES_MS, isTransient },
  );
  return (request) => send(request).catch((error: unknown) => Promise.reject(noResponse(error as Error)));
}

function isTransient(outcome: HttpResponse | RequestFailed): boolean {
  if (outcome instanceof RequestFailed) return outcome.kind === 'broken' || outcome.kind === 'refused';
  return outcome.status >= 500 && retryAfterOf(outcome.headers) === undefined;
}

/** Where a connection was open, the failure may be due to the one request. */
function noResponse(error: Error): Error {
  if (!(error instanceof RequestFailed)) return error;
  const { kind, reason } = error;
  const isOutage = kind === 'refused' || kind === 'failed';
  return new NoResponse(
    kind === 'aborted' ? 'it does not answer in time' : reason,
    isOutage ? 'certainly' : 'perhaps',
    {
      cause: error,
    },
  );
}

/** The `Retry-After` of Keystone, or of a proxy in front of it, in seconds. */
export function retryAfterOf(headers: HttpResponse['headers']): number | undefined {
  const seconds = headers['retry-after'];
  return typeof seconds === 'string' && /^[1-9]\d{0,3}$/.test(seconds) ? Number(seconds) : undefined;
}
