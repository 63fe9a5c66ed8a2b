import type { Lease, Mirror, Ticket } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';

/**
 * Reads one image of a source, and its members where they count, and gives both to the mirror.
 *
 * @returns `missing` when the source has no such image; of that the mirror is not told
 * @throws {SourceUnavailable} {CatalogueUnavailable} {LeaseLost}
 */
export async function takeImage(
  { source, mirror }: { readonly source: ImageSource; readonly mirror: Mirror },
  id: string,
  { signal, lease }: { readonly signal?: AbortSignal; readonly lease?: Lease } = {},
): Promise<'taken' | 'missing'> {
  const ticket = await mirror.draw();
  const image = await source.image(id, signal);
  if (!image) return 'missing';
  const later = image.visibility === 'shared' && !image.deleted ? await mirror.draw() : undefined;
  const members = later && (await source.members(id, signal));
  await mirror.take([image], ticket, lease);
  if (members) await mirror.takeMembers([members], later as Ticket, lease);
  return 'taken';
}
