import {
  CatalogueUnavailable,
  DomainError,
  SourceUnavailable,
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
): Promise<'applied' | { readonly missing: Ticket }> {
  const { mirror } = parts;
  const ticket = await mirror.draw();
  try {
    const image = await imageByAnyCase(parts, id, signal);
    if (!image) return { missing: ticket };
    await applyWithMembers(parts, image, ticket, signal);
    return 'applied';
  } catch (error) {
    if (error instanceof CatalogueUnavailable || !(error instanceof DomainError)) throw error;
    return leaveOut(parts, id, ticket, error.message);
  }
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

async function applyWithMembers(
  parts: ApplyParts,
  image: SourceImage,
  ticket: Ticket,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { mirror } = parts;
  const isShared = image.visibility === 'shared' && !image.deleted;
  const membersTicket = isShared ? await mirror.draw() : undefined;
  const members = membersTicket && (await readableMembers(parts, image.id, signal));
  const { refused } = await mirror.apply([image], ticket);
  if (refused[0]) await leaveOut(parts, image.id, ticket, refused[0].reason);
  if (members) await mirror.applyMembers([members], membersTicket);
}

async function leaveOut(
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
