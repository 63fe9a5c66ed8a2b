import { DomainError } from '@glimpse/domain';

/**
 * The most authenticated requests that are worked on at a time. Many more than ever wait for the database in good
 * times; few enough that those that wait in bad ones fit in memory, and that the last of them is answered in time.
 */
export const MAX_REQUESTS = 1_024;

/** The most requests that need no token and are worked on at a time: documents, metrics and `/healthz`. */
export const MAX_OPEN_REQUESTS = 256;

/** The most connections that are open at a time: beyond them those that have waited the longest are closed. */
export const MAX_CONNECTIONS = 4_096;

/** The most bytes of responses to authenticated requests, and to all others, that clients have not yet taken. */
export const MAX_UNREAD_BYTES = 64 * 2 ** 20;
export const MAX_OPEN_UNREAD_BYTES = 32 * 2 ** 20;

/** Milliseconds of silence, in either direction, after which a connection is closed. */
export const SILENCE_MS = 75_000;

/** Milliseconds that clients are told a connection may rest: it is closed later, never under their next request. */
export const REST_MS = SILENCE_MS - 3_000;

/** More is asked than can be answered. */
export class Overloaded extends DomainError {
  readonly code = 'overloaded';
  /** Seconds after which asking again makes sense. */
  readonly retryAfter = 1;

  constructor() {
    super('Too many requests are being answered at the moment.');
  }
}
