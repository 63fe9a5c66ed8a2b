import type { PathForm } from './path.js';

/** A response to a request that failed. */
export interface Fault {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** The injection token of the API that a server serves. */
export const API = Symbol('Api');

/** One API, as its server needs it. A server serves one API, on a port of its own. */
export interface Api {
  /** In metrics and messages: `compute`. */
  readonly name: string;
  /** The service type that access rules of application credentials name. */
  readonly serviceType: string;
  /** The methods that its routes have. */
  readonly methods: readonly string[];
  /** The most bytes of a body that is buffered, or read and ignored. */
  readonly maxBodyBytes: number;
  readonly timeLimits: TimeLimits;
  readonly paths: PathForm;
  /** Whether a path belongs to this API: without a valid token its response is 401, whatever the route. */
  owns(path: string): boolean;
  /** Whether the route of a path needs no token, such as a version document. */
  isOpen(path: string): boolean;
  /** Whether a route accepts its path parameters; otherwise the path has no route. */
  acceptsParameters(parameters: Readonly<Record<string, string>>): boolean;
  /** Whether a route reads its request body as a stream of any length, `body-stream.ts`. */
  streamsBody(method: string, path: string): boolean;
  /**
   * Whether a request carries image data. It is never responded to with 503, because clients repeat that with the file
   * already read, nor cut off before its end.
   */
  isUpload(method: string, path: string): boolean;
  /** The headers of every response. */
  responseHeaders(requestId: string): Record<string, string>;
  /**
   * The response to an error; every error has one.
   *
   * @param toUpload whether the request is an upload
   */
  faultOf(error: unknown, toUpload?: boolean): Fault;
  /** Whether an error is an expected outcome; any other is a defect, and is logged. */
  isExpected(error: unknown): boolean;
}

export interface TimeLimits {
  /** Milliseconds in which a whole request has to arrive; 0: no limit, for bodies of any length. */
  readonly requestMs: number;
  /** Milliseconds of silence, in either direction, after which a connection is closed or a streamed body given up. */
  readonly silenceMs: number;
}
