import type { Mirror, SourceImage, SourceMembers } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';

interface Parts {
  readonly source: Pick<ImageSource, 'image' | 'members'>;
  readonly mirror: Pick<Mirror, 'shownId'>;
}

/**
 * An image of a source by its id in lower case. A Glance whose database compares ids with their case finds it only by
 * the id that it shows, which the mirror keeps.
 *
 * @returns undefined when the source has no such image
 */
export function imageByAnyCase(
  { source, mirror }: Parts,
  id: string,
  signal?: AbortSignal,
): Promise<SourceImage | undefined> {
  return findByAnyCase(mirror, id, (spelled) => source.image(spelled, signal));
}

/** The members of an image, found like {@link imageByAnyCase}. */
export function membersByAnyCase(
  { source, mirror }: Parts,
  id: string,
  signal?: AbortSignal,
): Promise<SourceMembers | undefined> {
  return findByAnyCase(mirror, id, (spelled) => source.members(spelled, signal));
}

async function findByAnyCase<T>(
  mirror: Parts['mirror'],
  id: string,
  find: (id: string) => Promise<T | undefined>,
): Promise<T | undefined> {
  const found = await find(id);
  if (found !== undefined) return found;
  const shown = await mirror.shownId(id);
  return shown === undefined || shown === id ? undefined : find(shown);
}
