/** Events of a mirror for logs and metrics. None has a token. */
export interface MirrorObservations {
  /** An image was fetched by id from the source. */
  'source-image-fetched': { readonly outcome: 'found' | 'missing' | 'remembered' | 'refused' | 'failed' };
  /** A change or a deletion was sent to the source. */
  'source-changed': { readonly outcome: 'done' | 'refused' | 'failed' };
  /** Why the outcome of a change is unknown. */
  'source-change-failed': { readonly id: string; readonly reason: string };
  /** The effect of a change was applied before its response was sent, or is left to readers and the follower. */
  'source-change-ended': { readonly outcome: 'shown' | 'left' | 'lost' };
  /** This follower acquired the lease. */
  'follower-began': { readonly holder: string };
  /** Another follower holds the lease. */
  'follower-stands-by': object;
  /** What was applied to the mirror. */
  'source-followed': { readonly kind: 'added' | 'changed' | 'removed' | 'members'; readonly count: number };
  /** A full sync ended. */
  'full-sync-ended': { readonly images: number; readonly leftOut: number; readonly seconds: number };
  /** Emitted when the reason changes, until the source or the database is available again. */
  'source-unavailable': { readonly reason: string };
  'source-available': object;
  /** A document in which the source describes its API cannot be read; emitted when the reason changes. */
  'source-document-unread': { readonly name: string; readonly reason: string };
  /** Many images are missing in a full sync; those that the source confirms as gone are removed. */
  'removals-many': { readonly count: number; readonly of: number };
  /** Images are missing in a full sync, and the source does not confirm that they are gone. */
  'removals-refused': { readonly count: number; readonly of: number };
  /** An image of the source, or its members, cannot be read, or no catalogue can hold it. */
  'source-image-bad': { readonly problem: string };
  /** Something was left out because no catalogue can hold it; counted each time that it is read. */
  'source-left-out': { readonly kind: 'image' | 'members'; readonly count: number };
  /** A bug in the follower; the work is retried. */
  'follower-failed': { readonly error: unknown };
}

export type ObserveMirror = <N extends keyof MirrorObservations>(
  name: N,
  known: MirrorObservations[N],
) => void;
