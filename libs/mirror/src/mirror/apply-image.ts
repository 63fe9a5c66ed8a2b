import {
  CatalogueUnavailable,
  DomainError,
  SourceUnavailable,
  type FetchedImage,
  type Mirror,
  type SourceImage,
  type SourceMembers,
  type Ticket,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { ObserveMirror } from '../observations.js';
import { imageByAnyCase, membersByAnyCase } from './shown-id.js';

export interface ApplyParts {
  readonly source: ImageSource;
  readonly mirror: Mirror;
  readonly observe: ObserveMirror;
}

/**
 * Fetches one image from a source, with its members if it is shared, and applies both. If no catalogue can hold it, it
 * is removed from the mirror.
 *
 * @returns the ticket of the response if the source has no such image; the mirror is not changed then
 * @throws {SourceUnavailable} the source is unavailable, or no catalogue can hold the image
 * @throws {CatalogueUnavailable}
 */
export async function applyImage(
  parts: ApplyParts,
  id: string,
  signal?: AbortSignal,
): Promise<'applied' | MissingImage> {
  const { mirror } = parts;
  const fetched = await fetchImage(parts, id, signal);
  if ('missing' in fetched) return fetched;
  const { image, ticket, members } = fetched;
  const { refused } = await mirror.apply([image], ticket);
  if (refused[0]) await leaveOut(parts, image.id, ticket, refused[0].reason);
  if (members) await mirror.applyMembers([members.read], members.ticket);
  return 'applied';
}

/** The source has no such image: the ticket of its response. */
export interface MissingImage {
  readonly missing: Ticket;
}

/**
 * Fetches what {@link applyImage} applies. If no catalogue can hold the image, it is removed from the mirror.
 *
 * @throws as {@link applyImage}
 */
export async function fetchImage(
  parts: ApplyParts,
  id: string,
  signal?: AbortSignal,
): Promise<FetchedImage | MissingImage> {
  const { mirror } = parts;
  const ticket = await mirror.draw();
  let image: SourceImage | undefined;
  try {
    image = await imageByAnyCase(parts, id, signal);
  } catch (error) {
    if (error instanceof CatalogueUnavailable || !(error instanceof DomainError)) throw error;
    return leaveOut(parts, id, ticket, error.message);
  }
  if (!image) return { missing: ticket };
  if (image.visibility !== 'shared' || image.deleted) return { image, ticket };
  const membersTicket = await mirror.draw();
  const read = await readableMembers(parts, image.id, signal);
  return { image, ticket, members: read && { read, ticket: membersTicket } };
}

/**
 * The members of an image; none where no catalogue can hold them, for former members may have been removed.
 *
 * @returns undefined when the source has no such image
 * @throws {SourceUnavailable}
 */
export async function readableMembers(
  parts: Pick<ApplyParts, 'source' | 'mirror' | 'observe'>,
  imageId: string,
  signal: AbortSignal | undefined,
): Promise<SourceMembers | undefined> {
  const { observe } = parts;
  try {
    return await membersByAnyCase(parts, imageId, signal);
  } catch (error) {
    if (!(error instanceof DomainError) || error instanceof CatalogueUnavailable) throw error;
    observe('source-left-out', { kind: 'members', count: 1 });
    observe('source-image-bad', { problem: `members of image ${imageId}: ${error.message}` });
    return { imageId, members: new Map() };
  }
}

/**
 * Removes an image from the mirror that no catalogue can hold.
 *
 * @throws {SourceUnavailable} always
 */
export async function leaveOut(
  { mirror, observe }: ApplyParts,
  id: string,
  ticket: Ticket,
  problem: string,
): Promise<never> {
  observe('source-left-out', { kind: 'image', count: 1 });
  observe('source-image-bad', { problem: `image ${id}: ${problem}` });
  await mirror.remove([id], ticket);
  throw new SourceUnavailable(`it has the image ${id}, and no catalogue can hold it: ${problem}`);
}
