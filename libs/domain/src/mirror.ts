import { DomainError } from './errors.js';
import type { Image } from './image.js';
import type { SourceImage, SourceMembers, SourcePlace } from './source.js';

/**
 * The place of an answer among all answers of a source, whoever got them. It is drawn before the question is
 * sent (for a change: after it was answered), so that an answer of a higher one is never the older.
 */
export interface Ticket {
  readonly number: bigint;
  /** By the database's clock. */
  readonly drawnAt: Date;
}

/** What became of images that a mirror was given. */
export interface Taken {
  readonly added: readonly string[];
  /** Those that differ from before, ones that were deleted and are back among them. */
  readonly changed: readonly string[];
  /** Those that the catalogue cannot hold, and why. */
  readonly refused: readonly { readonly id: string; readonly reason: string }[];
}

/** How current a mirror is. */
export interface SyncStatus {
  /** Whether it holds all images of the source: a full sync has ended once. */
  readonly complete: boolean;
  /** Seconds since the last incremental sync began; Infinity when there was none. */
  readonly age: number;
}

/** The right to follow a source. There is one at a time; each has a higher number than the ones before. */
export interface Lease {
  readonly number: bigint;
}

/** Somebody else follows the source now: what was to be written is not. */
export class LeaseLost extends DomainError {
  readonly code = 'lease-lost';

  constructor() {
    super('somebody else follows the source now');
  }
}

/**
 * A catalogue that holds the images of a source. What it is given it takes if it has nothing newer: the same
 * answers make the same catalogue, in whatever order they come. What is written under a lease is not written
 * when that is over.
 */
export interface Mirror {
  /** @throws {CatalogueUnavailable} as everything here */
  draw(): Promise<Ticket>;

  lastLook(): Promise<SyncStatus>;

  /**
   * @param images each id once
   * @throws {LeaseLost}
   */
  take(images: readonly SourceImage[], ticket: Ticket, lease?: Lease): Promise<Taken>;

  /**
   * Puts members in the place of those that images had; images that the mirror lacks are left out.
   *
   * @param members each image once
   * @returns the ids of the images whose members differ from before
   * @throws {LeaseLost}
   */
  takeMembers(members: readonly SourceMembers[], ticket: Ticket, lease?: Lease): Promise<readonly string[]>;

  /**
   * Deletes images softly that their source no longer has.
   *
   * @returns the ids of those that were there
   * @throws {LeaseLost}
   */
  remove(ids: readonly string[], ticket: Ticket, lease?: Lease): Promise<readonly string[]>;

  /**
   * Does something to an image of the source that nobody else does at the same time, on whichever replica.
   *
   * @param change is given the time that it has; later somebody else may begin
   * @throws {CatalogueUnavailable} nobody else was done in time
   */
  changeAlone<T>(id: string, change: (end: AbortSignal) => Promise<T>): Promise<T>;
}

/** How far a follower is. What it was before, another one goes on from. */
export interface Progress {
  /** Who follows now, in a few words; null: nobody does. */
  readonly holder: string | null;
  /** The newest time of change among the answers of the source. */
  readonly changedUntil: Date | null;
  /** When the last look began, by the database's clock, in which all that had changed was seen. */
  readonly lookedAt: Date | null;
  /** The walk over all images that is under way. */
  readonly walk: Walk | null;
  /** When the last walk over all images ended; null: none has, and the catalogue is not complete. */
  readonly walkedAt: Date | null;
  /** How many images the last walk did not find, and the source did not confirm as gone. */
  readonly refusedRemovals: number;
  /** Whether the next walk removes them all the same. */
  readonly acceptsRemovals: boolean;
}

/** A walk over all images of a source: first those that are not hidden, then those that are. */
export interface Walk {
  /** The ticket that was drawn when it began: whatever it names has a higher one. */
  readonly ticket: bigint;
  readonly hidden: boolean;
  /** The last image that was taken; null: none of this half. */
  readonly after: SourcePlace | null;
}

/** Which images' members are to be read next. */
export interface MembersDue {
  /** `unread`: never read; else whether they had any when last read. */
  readonly kind: 'unread' | 'some' | 'none';
  /** Seconds since they were read; whatever was read later is not due. */
  readonly age: number;
  readonly limit: number;
}

/** How old the members are that a mirror has. */
export interface MembersStanding {
  /** How many shared images' members were never read. */
  readonly unread: number;
  /** Seconds since those were read that were not for the longest time, of images that have any; 0: there are none. */
  readonly oldest: number;
  /** The same of images that had none: how late a first member may show. */
  readonly oldestNone: number;
}

/** The mirror as the one who follows its source knows it. */
export interface FollowedMirror extends Mirror {
  /**
   * @param holder who asks, in a few words
   * @returns undefined while somebody else has it
   */
  acquire(holder: string): Promise<Lease | undefined>;
  /** Makes it last again as long as a new one. @throws {LeaseLost} */
  renew(lease: Lease): Promise<void>;
  release(lease: Lease): Promise<void>;

  progress(): Promise<Progress>;
  /** Writes down how far the follower is; what is left out stays as it is. @throws {LeaseLost} */
  advance(progress: Partial<Omit<Progress, 'holder'>>, lease: Lease): Promise<void>;

  /** Lets the next walk remove what it does not find, and the source does not confirm as gone. */
  acceptRemovals(): Promise<void>;

  /** Whether there are images that came from no source, before anybody followed one. */
  hasOthers(): Promise<boolean>;
  /** How many images there are, deleted ones left out. */
  count(): Promise<number>;
  membersStanding(): Promise<MembersStanding>;
  /** Images with their members, in the order of sources, deleted ones left out. */
  page(hidden: boolean, limit: number, after?: SourcePlace): Promise<readonly Image[]>;
  /** The ids of images that nothing has named since a walk began: at most so many, after one of them. */
  unnamedSince(ticket: bigint, limit: number, after?: string): Promise<readonly string[]>;
  countUnnamedSince(ticket: bigint): Promise<number>;
  /** The ids of shared images whose members are to be read, the longest unread first. */
  membersDue(due: MembersDue): Promise<readonly string[]>;
}
