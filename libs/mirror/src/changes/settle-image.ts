import { setTimeout as sleep } from 'node:timers/promises';
import {
  CatalogueUnavailable,
  SourceUnavailable,
  type Member,
  type PendingChanges,
  type SourceImage,
} from '@glimpse/domain';
import {
  applyImage,
  fetchImage,
  leaveOut,
  type ApplyParts,
  type MissingImage,
} from '../mirror/apply-image.js';

/** How long after a response an image that was fetched counts in any case, where the response shows no sign. */
const UNCLEAR_FOR_MS = 1_000;
/** The pause before the second fetch, which doubles up to the maximum. */
const FIRST_PAUSE_MS = 25;
const MAX_PAUSE_MS = 400;

/** How an image that was fetched compares to a response: whether that is older, as far as it shows. */
export type Compare = (
  image: SourceImage,
  members: ReadonlyMap<string, Member>,
) => 'shown' | 'older' | 'unclear';

/** What a response says of the images of a request; an image without an id is any that the request names. */
export type ResponseEffect =
  | { readonly kind: 'none' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'removed'; readonly imageId: string }
  | { readonly kind: 'changed'; readonly imageId: string | undefined; readonly compare: Compare };

export interface SettleParts extends ApplyParts {
  readonly pending: PendingChanges;
}

const NO_MEMBERS: ReadonlyMap<string, Member> = new Map();

/**
 * Fetches an image after a change of it until what the source has is not older than its response, and applies it. What
 * is older is not applied: another host of the source may answer as before the change.
 *
 * @param change undefined where it was not noted
 * @param signal ends it
 * @returns whether it was settled
 */
export async function settleImage(
  parts: SettleParts,
  change: bigint | undefined,
  imageId: string,
  compare: Compare,
  signal: AbortSignal,
): Promise<boolean> {
  const began = performance.now();
  for (let pause = FIRST_PAUSE_MS; !signal.aborted; pause = Math.min(2 * pause, MAX_PAUSE_MS)) {
    const isLate = performance.now() - began >= UNCLEAR_FOR_MS;
    const result = await attempt(parts, change, imageId, compare, isLate, signal).catch((error: unknown) => {
      if (error instanceof CatalogueUnavailable) return 'failed' as const;
      throw error;
    });
    if (result === 'settled') return true;
    const rest = result === 'unclear' ? began + UNCLEAR_FOR_MS - performance.now() : pause;
    await sleep(Math.max(rest, 1), undefined, { signal, ref: false }).catch(() => undefined);
  }
  return false;
}

async function attempt(
  parts: SettleParts,
  change: bigint | undefined,
  imageId: string,
  compare: Compare,
  isLate: boolean,
  signal: AbortSignal,
): Promise<'settled' | 'older' | 'unclear'> {
  const { pending } = parts;
  const fetched = await fetchImage(parts, imageId, signal);
  if ('missing' in fetched) {
    if (!isLate && (await isKnown(parts, imageId))) return 'unclear';
    await settleMissing(parts, change, imageId, fetched);
    return 'settled';
  }
  const comparison = compare(fetched.image, fetched.members?.read.members ?? NO_MEMBERS);
  if (comparison === 'older' || (comparison === 'unclear' && !isLate)) return comparison;
  signal.throwIfAborted();
  const refused = await pending.settle(change, fetched);
  if (refused !== undefined) await leaveOut(parts, imageId, fetched.ticket, refused);
  return 'settled';
}

/** Fetches and applies an image once after a request that changed nothing, or may have. The source may be unavailable. */
export async function fetchOnce(parts: SettleParts, imageId: string, signal: AbortSignal): Promise<void> {
  try {
    const outcome = await applyImage(parts, imageId, signal);
    if (outcome !== 'applied') await settleMissing(parts, undefined, imageId, outcome);
  } catch (error) {
    if (!(error instanceof CatalogueUnavailable)) throw error;
  }
}

/** Removes an image that the source no longer has. */
async function settleMissing(
  parts: SettleParts,
  change: bigint | undefined,
  imageId: string,
  { missing }: MissingImage,
): Promise<void> {
  const { source, mirror, pending } = parts;
  if (await isKnown(parts, imageId)) {
    const missingAccess = await source.missingReadAccess();
    if (missingAccess !== undefined) throw new SourceUnavailable(missingAccess);
    await mirror.remove([imageId], missing);
  }
  if (change !== undefined) await pending.forget(change, [imageId]);
}

async function isKnown({ mirror }: SettleParts, imageId: string): Promise<boolean> {
  return (await mirror.shownId(imageId)) !== undefined;
}
