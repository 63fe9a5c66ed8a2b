import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpClient, HttpRequest, HttpResponse } from './http-client.js';
import { RequestFailed } from './request-failed.js';

export interface RetryOptions {
  /** The longest pause before each retry; each is at least half as long. */
  readonly pausesMs: readonly number[];
  /** Whether a retry may have another outcome. */
  readonly isTransient: (outcome: HttpResponse | RequestFailed, request: HttpRequest) => boolean;
}

/** A client that repeats requests. It ends with the last outcome, and retries nothing once the signal is aborted. */
export function withRetries(send: HttpClient, { pausesMs, isTransient }: RetryOptions): HttpClient {
  const attempt = async (
    request: HttpRequest,
    [pauseMs, ...further]: readonly number[],
  ): Promise<HttpResponse> => {
    const outcome = await send(request).catch((error: unknown) => {
      if (error instanceof RequestFailed) return error;
      throw error;
    });
    const { signal } = request;
    if (pauseMs !== undefined && isTransient(outcome, request)) {
      await sleep(pauseMs * (0.5 + Math.random() / 2), undefined, { signal }).catch(() => undefined);
      if (!signal.aborted) return attempt(request, further);
    }
    if (outcome instanceof RequestFailed) throw outcome;
    return outcome;
  };
  return (request) => attempt(request, pausesMs);
}
