/** What may be logged or counted of a mirror. Never a token. */
export interface MirrorObservations {
  /** An image that was asked for by id in the source, and what came of it. */
  'source-looked-up': { readonly outcome: 'found' | 'missing' | 'remembered' | 'refused' | 'failed' };
  /** A change or a deletion that was sent to the source, and what came of it. */
  'source-changed': { readonly outcome: 'done' | 'refused' | 'failed' };
  /** Why what became of a change is not known, or why it was not made though it might have been. */
  'source-change-failed': { readonly id: string; readonly reason: string };
  /** Whether this process is the one that follows the source. */
  'follower-began': { readonly holder: string };
  'follower-stands-by': object;
  /** What the follower wrote. */
  'source-followed': { readonly kind: 'added' | 'changed' | 'removed' | 'members'; readonly count: number };
  /** A walk over all images ended. */
  'source-walked': { readonly images: number; readonly leftOut: number; readonly seconds: number };
  /** Said when the reason changes, until the source can be asked again. */
  'source-unavailable': { readonly reason: string };
  'source-available': object;
  /** Many images are missing in a walk: each is removed that the source confirms as gone. */
  'removals-many': { readonly count: number; readonly of: number };
  /** Images are missing in a walk, and the source does not say whether they are gone. */
  'removals-refused': { readonly count: number; readonly of: number };
  /** An image of the source, or its members, that cannot be read, or that no catalogue can hold. */
  'source-image-bad': { readonly problem: string };
  /** What was left out because no catalogue can hold it, each time that it was read. */
  'source-left-out': { readonly kind: 'image' | 'members'; readonly count: number };
  /** A mistake of ours; the work is begun again. */
  'follower-failed': { readonly error: unknown };
}

export type ObserveMirror = <N extends keyof MirrorObservations>(
  name: N,
  known: MirrorObservations[N],
) => void;
