import type { SourcePlace } from '@glimpse/domain';
import type { SourceQuery } from '@glimpse/plugins';
import type { Following } from './following.js';

/** What a page brought. */
export interface TakenPage {
  readonly count: number;
  /** The newest time of change in it. */
  readonly newest: Date | undefined;
  /** The ids of images whose visibility is `shared`: those that are new here, and those that differ from before. */
  readonly addedShared: readonly string[];
  readonly changedShared: readonly string[];
  readonly next: SourcePlace | undefined;
}

/** Reads a page of a source's images and has the mirror take it. */
export async function takePage(
  { source, mirror, observe, lease, signal }: Following,
  query: SourceQuery,
): Promise<TakenPage> {
  const ticket = await mirror.draw();
  const { images, bad, next } = await source.page(query, signal);
  const { added, changed } = await mirror.take(images, ticket, lease);
  for (const problem of bad) observe('source-image-bad', { problem });
  if (added.length > 0) observe('source-followed', { kind: 'added', count: added.length });
  if (changed.length > 0) observe('source-followed', { kind: 'changed', count: changed.length });
  const shared = new Set(images.filter(({ visibility }) => visibility === 'shared').map(({ id }) => id));
  return {
    count: images.length,
    newest: images.reduce<Date | undefined>(
      (newest, { updatedAt }) => (newest && newest > updatedAt ? newest : updatedAt),
      undefined,
    ),
    addedShared: added.filter((id) => shared.has(id)),
    changedShared: changed.filter((id) => shared.has(id)),
    next,
  };
}
