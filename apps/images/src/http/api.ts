/** An answer that says what went wrong. */
export interface Fault {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What the HTTP server has to know of the API that it serves. */
export interface Face {
  /** Whether a path is of this API, so that a token is asked for before anything is said about it. */
  owns(path: string): boolean;
  /** Whether a route of this API describes it to anyone, without a token. */
  isOpen(path: string): boolean;
  /** Whether the parameters of a path are such that its route is one: an empty one never is. */
  takes(parameters: Readonly<Record<string, string>>): boolean;
  /** The API's answer to an error; any error has one. */
  faultOf(error: unknown): Fault;
}
