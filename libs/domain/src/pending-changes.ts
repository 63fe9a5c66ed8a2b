import type { Ticket } from './mirror.js';
import type { SourceImage, SourceMembers } from './source.js';

/**
 * The state of a change that was sent to the source:
 * - `sent`: its response has not come yet
 * - `answered`: its response was sent on, and the mirror may not show the change yet
 * - `lost`: there is no response, and the source may still make the change
 * - `watched`: the same, and the image was fetched twice since, so that readers need not fetch it
 */
export type PendingState = 'sent' | 'answered' | 'lost' | 'watched';

/** An image that a request may change at the source. One request can have several. */
export interface PendingChange {
  /** The number of the ticket that was drawn before the request was sent: the same for all images of a request. */
  readonly change: bigint;
  readonly imageId: string;
  readonly state: PendingState;
  /** Counted up by the replica that sent the request, until its response comes. */
  readonly beat: number;
  /** The projects in whose lists the image is; null: in those of all, or not known. */
  readonly projects: readonly string[] | null;
}

/** An image with its members, as the source had them, and the tickets of the two responses. */
export interface FetchedImage {
  readonly image: SourceImage;
  readonly ticket: Ticket;
  /** undefined where members do not matter. */
  readonly members?: { readonly read: SourceMembers; readonly ticket: Ticket } | undefined;
}

/**
 * The changes of requests that were passed on to the source and that the mirror may not show yet. They are kept with the
 * mirror, so that every replica and the follower know of them, and outlive the replica that sent the request.
 */
export interface PendingChanges {
  /**
   * Notes that images may change, in one statement.
   *
   * @returns the number of the change
   * @throws {CatalogueUnavailable} as everything here
   */
  note(ids: readonly string[]): Promise<bigint>;

  /** Counts up the beats of changes whose responses have not come. */
  beat(changes: readonly bigint[]): Promise<void>;

  /** Lets readers of all replicas count a change of an image. One that is not noted is noted. */
  release(change: bigint | undefined, imageId: string, state: 'answered' | 'lost'): Promise<void>;

  /** The same for a change whose replica has stopped: only while the beat is still this one. */
  takeOver(pending: PendingChange): Promise<void>;

  /** Lets readers of all replicas no longer count a change. */
  watch(change: bigint, imageId: string): Promise<void>;

  forget(change: bigint, imageIds: readonly string[]): Promise<void>;

  /**
   * Applies what the source has after a change and forgets the change, in one transaction. For some seconds no response
   * that looks older replaces it.
   *
   * @returns undefined, or why the catalogue cannot hold the image
   */
  settle(change: bigint | undefined, fetched: FetchedImage): Promise<string | undefined>;

  /** The same for an image that the source no longer has; an image that is not known here cannot appear later. */
  settleRemoved(change: bigint | undefined, imageId: string, ticket: Ticket): Promise<void>;

  /** All of them. */
  all(): Promise<readonly PendingChange[]>;

  /** Forgets those that have waited since before a time, except those whose responses have not come. @returns how many */
  giveUp(before: Date): Promise<number>;
}
