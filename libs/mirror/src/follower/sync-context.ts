import { SourceUnavailable, type FollowedMirror, type Lease } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { ObserveMirror } from '../observations.js';

/** What every part of the synchronisation needs, for as long as the lease holds. */
export interface SyncContext {
  readonly source: ImageSource;
  readonly mirror: FollowedMirror;
  readonly observe: ObserveMirror;
  readonly lease: Lease;
  /** Ends the synchronisation. */
  readonly signal: AbortSignal;
}

/** @throws {SourceUnavailable} the source does not show this service every image */
export async function requireFullVisibility({ source, signal }: SyncContext): Promise<void> {
  const reason = await source.missingReadAccess(signal);
  if (reason !== undefined) throw new SourceUnavailable(reason);
}
