import type { ServerResponse } from 'node:http';
import { DomainError } from '@glimpse/domain';

/**
 * The most requests that are worked on at a time. Many more than ever wait for the database in good times;
 * few enough that those that wait in bad ones fit in memory, and that the last of them is answered in time.
 */
const MOST_AT_ONCE = 1_024;

/** The most connections that are open at a time; more are closed as they come. */
export const MOST_CONNECTIONS = 16_384;

/** Milliseconds of silence, in either direction, after which a connection is closed. */
export const SILENCE = 75_000;

/** Milliseconds that clients are told a connection may rest: it is closed later, never under their next request. */
export const REST = SILENCE - 3_000;

/** More is asked than can be answered. */
export class Overloaded extends DomainError {
  readonly code = 'overloaded';
  /** Seconds after which asking again makes sense. */
  readonly retryAfter = 1;

  constructor() {
    super('Too many requests are being answered at the moment.');
  }
}

/** Counts the requests that are worked on, and refuses what is too many at once instead of letting it wait. */
export class RequestLimit {
  #atOnce = 0;

  /**
   * @param response of the request; it counts until this is closed, however that comes about
   * @throws {Overloaded}
   */
  enter(response: ServerResponse): void {
    if (this.#atOnce >= MOST_AT_ONCE) throw new Overloaded();
    this.#atOnce++;
    response.once('close', () => this.#atOnce--);
  }
}
