import type { ServerResponse } from 'node:http';
import { Overloaded } from './overload.js';

/** Counts the requests that are worked on, and refuses more than so many at once. */
export class RequestLimit {
  readonly #responses = new Set<ServerResponse>();

  constructor(private readonly most: number) {}

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

  /** Its response is complete: how fast the client reads it is not this limit's concern. */
  leave(response: ServerResponse): void {
    this.#responses.delete(response);
  }
}
