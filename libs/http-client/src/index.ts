/**
 * A client for JSON over HTTP: time limits, retries, responses of bounded size.
 *
 * @module @glimpse/http-client
 */
export {
  createHttpClient,
  type HttpClient,
  type HttpClientOptions,
  type HttpRequest,
  type HttpResponse,
} from './http-client.js';
export { RequestFailed, type FailureKind } from './request-failed.js';
export { withRetries, type RetryOptions } from './retries.js';
export { timeLimit } from './time-limit.js';
