import type { SourceImage, SourcePlace } from '@glimpse/domain';
import type { SourceQuery } from '@glimpse/plugins';
import type { SyncContext } from './sync-context.js';

/** How many images one statement writes at most. */
const BATCH = 1_000;
/** How many omitted images of one page have a log line of their own. */
const MAX_LINES = 5;

/** What applying a page changed. */
export interface AppliedPage {
  readonly count: number;
  /** How many images were left out, because no catalogue can hold them. */
  readonly unreadable: number;
  /** The newest time of change in it. */
  readonly newest: Date | undefined;
  /** The ids of images with visibility `shared`: all, those that are new here, and those that changed. */
  readonly shared: readonly string[];
  readonly addedShared: readonly string[];
  readonly changedShared: readonly string[];
  readonly next: SourcePlace | undefined;
  /** When it was requested, by the clock of the source. */
  readonly requestedAt: Date | undefined;
}

/**
 * Reads a page of a source's images and applies it. An image that the catalogue cannot hold is left out and removed
 * from the mirror: an older version of it is not what the source has.
 */
export async function applyPage(context: SyncContext, query: SourceQuery): Promise<AppliedPage> {
  const { source, mirror, observe, lease, signal } = context;
  const ticket = await mirror.draw();
  const { images: read, bad, badIds = [], next, requestedAt } = await source.page(query, signal);
  const { images, repeated } = onePerId(read);
  const added: string[] = [];
  const changed: string[] = [];
  const problems = [...bad];
  const unreadable = [...badIds];
  for (let from = 0; from < images.length; from += BATCH) {
    const applied = await mirror.apply(images.slice(from, from + BATCH), ticket, lease);
    added.push(...applied.added);
    changed.push(...applied.changed);
    for (const { id, reason } of applied.refused) {
      problems.push(`image ${id}: ${reason}`);
      unreadable.push(id);
    }
  }
  const removed = unreadable.length > 0 ? await mirror.remove(unreadable, ticket, lease) : [];
  report(context, problems);
  for (const id of repeated)
    observe('source-image-bad', { problem: `image ${id}: a page has it more than once` });
  const counts = { added, changed, removed };
  for (const kind of ['added', 'changed', 'removed'] as const) {
    if (counts[kind].length > 0) observe('source-followed', { kind, count: counts[kind].length });
  }
  const shared = new Set(images.filter(({ visibility }) => visibility === 'shared').map(({ id }) => id));
  return {
    count: images.length,
    unreadable: problems.length,
    newest: images.reduce<Date | undefined>(
      (newest, { updatedAt }) => (newest && newest > updatedAt ? newest : updatedAt),
      undefined,
    ),
    shared: [...shared],
    addedShared: added.filter((id) => shared.has(id)),
    changedShared: changed.filter((id) => shared.has(id)),
    next,
    requestedAt,
  };
}

/** Of several documents of an image, the one that changed last, and of those the last. */
function onePerId(images: readonly SourceImage[]): { images: SourceImage[]; repeated: ReadonlySet<string> } {
  const byId = new Map<string, SourceImage>();
  const repeated = new Set<string>();
  for (const image of images) {
    const id = image.id.toLowerCase();
    const other = byId.get(id);
    if (other) repeated.add(id);
    if (!other || other.updatedAt <= image.updatedAt) byId.set(id, image);
  }
  return { images: [...byId.values()], repeated };
}

function report({ observe }: SyncContext, problems: readonly string[]): void {
  if (problems.length === 0) return;
  observe('source-left-out', { kind: 'image', count: problems.length });
  for (const problem of problems.slice(0, MAX_LINES)) observe('source-image-bad', { problem });
  const more = problems.length - MAX_LINES;
  if (more > 0) observe('source-image-bad', { problem: `${more} more images of the same page` });
}
