import { BoundedJson, TextTooLong } from './bounded-json.js';
import type { Connections } from './connections.js';
import { RequestFailed, failureOf } from './request-failed.js';

/** Bytes of the longest string that is kept with {@link HttpRequest.withoutLongStrings}. */
const MAX_STRING_BYTES = 1_024;

export interface HttpClientOptions {
  readonly connectTimeoutMs: number;
  /** PEM text of the certificates that the server's must be signed by; unset: the usual authorities. */
  readonly ca?: string | undefined;
  /** How many connections are open, and so requests in flight, at a time; unset: any number. */
  readonly connections?: number;
  /** A response with a longer body fails. */
  readonly maxResponseBytes: number;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: object;
  /** Ends request and response, such as {@link timeLimit}. */
  readonly signal: AbortSignal;
  /** Empties long strings, so that a response that is too long can be read in part. */
  readonly withoutLongStrings?: boolean | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Undefined where the body is not JSON. Deeply nested values in it are null. */
  readonly document: unknown;
  /** When the request was sent, by the clock of the server, or earlier; undefined where it does not show its clock. */
  readonly sentAt: Date | undefined;
}

/** @throws {RequestFailed} there is no complete response */
export type HttpClient = (request: HttpRequest) => Promise<HttpResponse>;

/**
 * A client for JSON over HTTP. It opens no connection yet, and idle connections do not keep a process alive.
 *
 * @example
 * const send = createHttpClient({ connectTimeoutMs: 2_000, maxResponseBytes: 1_048_576 });
 * const { status, document } = await send({ method: 'GET', url, signal: timeLimit(5_000) });
 */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { maxResponseBytes } = options;
  let connections: Promise<Connections> | undefined;
  return async ({ method, url, headers, body, signal, withoutLongStrings }) => {
    // Loading undici takes longer than many a command that sends no request.
    connections ??= import('./connections.js').then(({ openConnections }) => openConnections(options));
    const { request, dispatcher } = await connections;
    const json = new BoundedJson({
      maxBytes: maxResponseBytes,
      maxStringBytes: withoutLongStrings ? MAX_STRING_BYTES : undefined,
    });
    const began = performance.now();
    try {
      const response = await request(url, {
        dispatcher,
        method,
        headers: {
          accept: 'application/json',
          ...(body && { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body && { body: JSON.stringify(body) }),
        signal,
      });
      const sentAt = timeBefore(response.headers.date, performance.now() - began);
      for await (const chunk of response.body as AsyncIterable<Buffer>) json.add(chunk);
      return { status: response.statusCode, headers: response.headers, document: parsed(json), sentAt };
    } catch (error) {
      if (error instanceof TextTooLong) {
        const reason = `its answer is longer than ${maxResponseBytes} bytes`;
        throw new RequestFailed('too-long', reason, { cause: error });
      }
      throw failureOf(error as Error, signal);
    }
  };
}

function parsed(json: BoundedJson): unknown {
  try {
    return json.parse();
  } catch {
    return undefined;
  }
}

/** A `Date` header has whole seconds, rounded down, so the result is never later than the true time. */
function timeBefore(date: string | string[] | undefined, milliseconds: number): Date | undefined {
  const time = Date.parse(String(date)) - milliseconds;
  return Number.isNaN(time) ? undefined : new Date(time);
}
