import type { ServerResponse } from 'node:http';
import { Overloaded } from './overload.js';

/** Limits the number of requests that are processed at a time. */
export class RequestLimit {
  readonly #responses = new Set<ServerResponse>();

  constructor(private readonly most: number) {}

  /** The requests that are counted. */
  get size(): number {
    return this.#responses.size;
  }

  /**
   * Counts a request until {@link leave}, or until its connection is lost.
   *
   * @throws {Overloaded}
   */
  enter(response: ServerResponse): void {
    if (this.#responses.size >= this.most) throw new Overloaded();
    this.#responses.add(response);
    response.once('close', () => this.leave(response));
  }

  /** The response is complete; the time that the client needs to read it does not count. */
  leave(response: ServerResponse): void {
    this.#responses.delete(response);
  }
}
