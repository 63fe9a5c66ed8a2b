import { DomainError } from '@glimpse/domain';

/**
 * The most authenticated requests that are processed at a time: many more than ever wait for a healthy database, but
 * few enough that those that wait for a slow one fit in memory, and that the last of them is served in time.
 */
export const MAX_REQUESTS = 1_024;

/** The most requests without a token that are processed at a time: documents, metrics and `/healthz`. */
export const MAX_OPEN_REQUESTS = 256;

/** The most connections that are open at a time: beyond it the ones idle for the longest time are closed. */
export const MAX_CONNECTIONS = 4_096;

/** The most bytes of responses to authenticated requests, and to all others, that clients have not yet read. */
export const MAX_UNREAD_BYTES = 64 * 2 ** 20;
export const MAX_OPEN_UNREAD_BYTES = 32 * 2 ** 20;

/** What a download of image data holds in memory, and the most of it: 512 downloads at a time. */
export const DOWNLOAD_BYTES = 256 * 2 ** 10;
export const MAX_DOWNLOAD_BYTES = 128 * 2 ** 20;

/** Milliseconds of silence, in either direction, after which a connection is closed. */
export const SILENCE_MS = 75_000;

/** The idle time announced to clients: shorter than the real one, so that no connection closes under a new request. */
export const REST_MS = SILENCE_MS - 3_000;

/** There are more requests than this service can process. */
export class Overloaded extends DomainError {
  readonly code = 'overloaded';
  /** Seconds after which a retry makes sense. */
  readonly retryAfter = 1;

  constructor() {
    super('Too many requests are being processed at the moment.');
  }
}
