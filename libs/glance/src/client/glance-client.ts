import { SourceUnavailable } from '@glimpse/domain';
import {
  RequestFailed,
  createHttpClient,
  timeLimit,
  withRetries,
  type HttpRequest,
  type HttpResponse,
} from '@glimpse/http-client';
import type { GlanceOptions } from './options.js';

/** A page of images with few properties stays far below. */
const MAX_RESPONSE_BYTES = 32 * 1024 * 1024;

export interface GlanceRequest extends Omit<HttpRequest, 'signal'> {
  /** Ends the request before its time limit. */
  readonly signal?: AbortSignal | undefined;
}

/** @throws {SourceUnavailable} there is no complete response in time */
export type GlanceClient = (request: GlanceRequest) => Promise<HttpResponse>;

/** A response is longer than this client reads. */
export class ResponseTooLong extends SourceUnavailable {}

/** Opens no connection yet. A connection that Glance closed while it was idle is no failure of a GET. */
export function createGlanceClient({
  connectTimeout,
  timeout,
  concurrency,
  ca,
}: GlanceOptions): GlanceClient {
  const send = withRetries(
    createHttpClient({
      connectTimeoutMs: connectTimeout * 1000,
      ca,
      connections: concurrency,
      maxResponseBytes: MAX_RESPONSE_BYTES,
    }),
    {
      pausesMs: [0],
      isTransient: (outcome, { method }) =>
        method === 'GET' && outcome instanceof RequestFailed && outcome.kind === 'broken',
    },
  );
  return async ({ signal, ...request }) => {
    const late = timeLimit(timeout * 1000);
    try {
      return await send({ ...request, signal: signal ? AbortSignal.any([signal, late]) : late });
    } catch (error) {
      if (!(error instanceof RequestFailed)) throw error;
      const options = { cause: error };
      if (error.kind === 'too-long') throw new ResponseTooLong(error.reason, options);
      if (late.aborted) throw new SourceUnavailable(`it does not answer within ${timeout} s`, options);
      if (signal?.aborted) throw new SourceUnavailable('its answer is no longer wanted', options);
      throw new SourceUnavailable(error.reason, options);
    }
  };
}
