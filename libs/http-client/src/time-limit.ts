/**
 * A signal that is aborted after a time limit. A response that has arrived by then is still read: a busy event loop
 * of this process is not the server's delay.
 */
export function timeLimit(milliseconds: number): AbortSignal {
  const limit = new AbortController();
  setTimeout(() => setImmediate(() => limit.abort()), milliseconds).unref();
  return limit.signal;
}
