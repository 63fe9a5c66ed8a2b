import type { Readable } from 'node:stream';
import { DomainError } from '@glimpse/domain';
import { Pool, buildConnector } from 'undici';
import { CircuitBreaker } from './circuit-breaker.js';
import { GlanceFailed, GlanceUnavailable } from './errors.js';
import type { RawHeaders } from './headers.js';

export interface GlanceConnectionOptions {
  /** Glance's URL, without the version. */
  readonly url: URL;
  readonly connectTimeoutMs: number;
  /** PEM text of the certificates that Glance's must be signed by; unset: the usual authorities. */
  readonly ca?: string | undefined;
}

export interface GlanceRequest {
  readonly method: string;
  /** Path and query, encoded; the path of Glance's URL precedes it. */
  readonly target: string;
  readonly headers: RawHeaders;
  readonly body: Readable | null;
  /** Its reason is an error of the domain. */
  readonly signal: AbortSignal;
}

/** The head of a response, and its body, which has to be read or destroyed. */
export interface GlanceResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: RawHeaders;
  readonly body: Readable;
}

/**
 * Connections to Glance for requests that are passed on. Each serves one request: Glance, or a proxy in front of it,
 * may close an idle one at the moment it is used, and the outcome of that request would be unknown.
 */
export class GlanceConnections {
  readonly #pool: Pool;
  readonly #breaker: CircuitBreaker;
  readonly #prefix: string;
  /** What made a connection fail. */
  readonly #connectErrors = new WeakSet<Error>();

  constructor({ url, connectTimeoutMs, ca }: GlanceConnectionOptions) {
    this.#breaker = new CircuitBreaker(connectTimeoutMs);
    this.#prefix = url.pathname.replace(/\/$/, '');
    const open = buildConnector({ timeout: connectTimeoutMs, ...(ca !== undefined && { ca }) });
    const connect: buildConnector.connector = (options, callback) => {
      // The certificate is that of Glance's host, not of the host that the client has sent.
      const { servername: _, ...own } = options;
      open(own, (...[error, socket]) => {
        if (error) {
          this.#breaker.failed();
          this.#connectErrors.add(error);
          callback(error, null);
        } else {
          this.#breaker.succeeded();
          callback(null, socket);
        }
      });
    };
    // The time limit is on silence, which the client's connection measures in both directions.
    this.#pool = new Pool(url.origin, { connect, pipelining: 0, headersTimeout: 0, bodyTimeout: 0 });
  }

  /** @throws {GlanceUnavailable} Glance accepted no connection a moment ago */
  check(): void {
    this.#breaker.enter();
  }

  /**
   * Sends a request; a body is sent while Glance reads it.
   *
   * @throws {GlanceUnavailable} nothing was sent
   * @throws {GlanceFailed} there is no response
   * @throws {DomainError} the reason of the signal, or of the body that failed
   */
  async send({ method, target, headers, body, signal }: GlanceRequest): Promise<GlanceResponse> {
    try {
      const response = await this.#pool.request({
        path: this.#prefix + target,
        method,
        headers: [...headers],
        body,
        signal,
        responseHeaders: 'raw',
      });
      const { statusCode: status, statusText } = response;
      // With `raw` these are names and values in turn.
      return { status, statusText, headers: response.headers as unknown as RawHeaders, body: response.body };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw this.#errorOf(error as NodeJS.ErrnoException);
    }
  }

  #errorOf(error: NodeJS.ErrnoException): DomainError {
    if (error instanceof DomainError) return error;
    const options = { cause: error };
    if (this.#connectErrors.has(error)) return new GlanceUnavailable(options);
    return new GlanceFailed(error.code ?? error.message, options);
  }
}
