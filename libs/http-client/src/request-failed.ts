/** The server closed a connection that was open. */
const BROKEN_CONNECTION = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);

/**
 * - `aborted`: by its signal, such as a time limit
 * - `broken`: the connection broke after it was open
 * - `refused`: nothing listens there
 * - `too-long`: the response is longer than the client's limit
 * - `failed`: anything else, such as an unknown host or a certificate that is not accepted
 */
export type FailureKind = 'aborted' | 'broken' | 'refused' | 'too-long' | 'failed';

/** There is no complete response. */
export class RequestFailed extends Error {
  readonly code = 'http-request-failed';

  constructor(
    readonly kind: FailureKind,
    /** One line. */
    readonly reason: string,
    options?: ErrorOptions,
  ) {
    super(reason, options);
    this.name = 'RequestFailed';
  }
}

export function failureOf(error: NodeJS.ErrnoException, signal: AbortSignal): RequestFailed {
  const { code = '', message } = error;
  return new RequestFailed(kindOf(code, signal), code || message, { cause: error });
}

function kindOf(code: string, signal: AbortSignal): FailureKind {
  if (signal.aborted) return 'aborted';
  if (BROKEN_CONNECTION.has(code)) return 'broken';
  return code === 'ECONNREFUSED' ? 'refused' : 'failed';
}
