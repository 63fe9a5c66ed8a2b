import { DomainError } from './errors.js';
import type { Image } from './image.js';
import type { PendingChange } from './pending-changes.js';
import type { SourceImage, SourceMembers, SourcePlace } from './source.js';

/**
 * A sequence number that orders the responses of a source across replicas; a response with a lower number never
 * overwrites a higher one. It is drawn before the request is sent; for a change, after its response.
 */
export interface Ticket {
  readonly number: bigint;
  /** By the database's clock. */
  readonly drawnAt: Date;
}

/** What applying images changed. */
export interface ApplyResult {
  readonly added: readonly string[];
  /** Those that differ from before, including ones that had been deleted. */
  readonly changed: readonly string[];
  /** Those that the catalogue cannot hold, and why. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

/** How current a mirror is. */
export interface SyncStatus {
  /** Whether it holds all images of the source: a full sync has ended once. */
  readonly complete: boolean;
  /**
   * Whether a full sync has ended that wrote every attribute, and no follower of release 0.1, which lacks some, has
   * followed since.
   */
  readonly attributesFilled: boolean;
  /** Seconds since the last incremental sync began; Infinity when there was none. */
  readonly age: number;
  /** The changes at the source that it may not show yet, without those that readers do not count. */
  readonly pending: readonly PendingChange[];
}

/** What is known of a source besides its images, by name. */
export type SourceFacts = ReadonlyMap<string, unknown>;

/** The lease of the follower. One is held at a time; each has a higher number than those before. */
export interface Lease {
  readonly number: bigint;
}

/** Another follower has the lease: nothing was written. */
export class LeaseLost extends DomainError {
  readonly code = 'lease-lost';

  constructor() {
    super('another follower has the lease');
  }
}

/**
 * A catalogue that holds the images of a source. A response is applied if nothing newer was: the same responses make
 * the same catalogue, in any order. Nothing is written under a lease that has ended.
 */
export interface Mirror {
  /** @throws {CatalogueUnavailable} as everything here */
  draw(): Promise<Ticket>;

  syncStatus(): Promise<SyncStatus>;

  /** What is known of the source besides its images, as JSON; a null: the source has none. */
  facts(): Promise<SourceFacts>;

  /** Keeps a fact, unless a newer response has been kept. */
  applyFact(name: string, value: unknown, ticket: Ticket): Promise<void>;

  /** The id of an image as the source writes it; undefined where the mirror does not have the image. */
  shownId(id: string): Promise<string | undefined>;

  /**
   * An image that was settled after a change of it within the last seconds is replaced only by one that looks newer:
   * another host of the source may still answer as before the change.
   *
   * @param images each id once
   * @throws {LeaseLost}
   */
  apply(images: readonly SourceImage[], ticket: Ticket, lease?: Lease): Promise<ApplyResult>;

  /**
   * Replaces the members of images; images that the mirror lacks are left out.
   *
   * @param members each image once
   * @returns the ids of the images whose members differ from before
   * @throws {LeaseLost}
   */
  applyMembers(members: readonly SourceMembers[], ticket: Ticket, lease?: Lease): Promise<readonly string[]>;

  /**
   * Deletes images softly that their source no longer has, except those that were settled within the last seconds.
   *
   * @returns the ids of those that were there
   * @throws {LeaseLost}
   */
  remove(ids: readonly string[], ticket: Ticket, lease?: Lease): Promise<readonly string[]>;

  /**
   * Runs a change of an image of the source while holding the image's change lease: no other replica changes it
   * meanwhile.
   *
   * @param change its signal aborts before the lease ends
   * @throws {CatalogueUnavailable} the lease did not become free in time
   */
  withChangeLease<T>(id: string, change: (end: AbortSignal) => Promise<T>): Promise<T>;
}

/** How far a follower is; the next holder of the lease continues from there. */
export interface Progress {
  /** The follower that has the lease, by its description; null: none has. */
  readonly holder: string | null;
  /** The newest time of change among the responses of the source. */
  readonly changedUntil: Date | null;
  /** When the last complete incremental sync began, by the database's clock. */
  readonly incrementalSyncAt: Date | null;
  /** The full sync that is running. */
  readonly fullSync: FullSync | null;
  /** When a full sync ended that wrote every attribute; null: none has since release 0.1 followed. */
  readonly attributesFilledAt: Date | null;
  /** When the last full sync ended; null: none has, and the catalogue is not complete. */
  readonly fullSyncAt: Date | null;
  /** How many images the last full sync did not find, and the source did not confirm as gone. */
  readonly refusedRemovals: number;
  /** Whether the next full sync removes them all the same. */
  readonly acceptsRemovals: boolean;
}

/** The place of a full sync: images that are not hidden come first, then hidden ones. */
export interface FullSync {
  /** The ticket that was drawn when it began: the images that it reads get higher ones. */
  readonly ticket: bigint;
  /** When that was, by the database's clock; null: a follower of release 0.1 was at it. */
  readonly beganAt: Date | null;
  readonly hidden: boolean;
  /** The last image that was applied; null: none of this half. */
  readonly after: SourcePlace | null;
}

/** Selects images whose members are to be read. */
export interface MembersDue {
  /** `unread`: never read; else whether they had any when last read. */
  readonly kind: 'unread' | 'some' | 'none';
  /** Seconds since they were read, at least. */
  readonly age: number;
  readonly limit: number;
}

/** How stale the members of a mirror are. */
export interface MembersStaleness {
  /** How many shared images have members that were never read. */
  readonly unread: number;
  /** Seconds since the least recently refreshed member list was read, of images with members; 0: there are none. */
  readonly oldest: number;
  /** The same of images without members: the delay of a first member. */
  readonly oldestNone: number;
}

/** The mirror as its follower writes it. */
export interface FollowedMirror extends Mirror {
  /**
   * @param holder describes the follower
   * @returns undefined while another follower has it
   */
  acquire(holder: string): Promise<Lease | undefined>;
  /** Extends the lease to the length of a new one. @throws {LeaseLost} */
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;

  progress(): Promise<Progress>;
  /** Stores how far the follower is; fields that are left out stay as they are. @throws {LeaseLost} */
  advance(progress: Partial<Omit<Progress, 'holder'>>, lease: Lease): Promise<void>;

  /** Allows the next full sync to remove images that the source does not confirm as gone. */
  acceptRemovals(): Promise<void>;

  /** Whether there are images of a time before any source was followed. */
  hasOwnImages(): Promise<boolean>;
  /** The number of images, without deleted ones. */
  count(): Promise<number>;
  membersStaleness(): Promise<MembersStaleness>;
  /** Images with their members, in the order of sources, without deleted ones. */
  page(hidden: boolean, limit: number, after?: SourcePlace): Promise<readonly Image[]>;
  /** The ids of images that no response has named since a full sync began, at most `limit`, after an id. */
  unnamedSince(ticket: bigint, limit: number, after?: string): Promise<readonly string[]>;
  countUnnamedSince(ticket: bigint): Promise<number>;
  /** Those of the images that have members whose times are not current. */
  withoutMemberTimes(ids: readonly string[]): Promise<readonly string[]>;
  /** The ids of shared images whose members are to be read, the least recently read first. */
  membersDue(due: MembersDue): Promise<readonly string[]>;
}
