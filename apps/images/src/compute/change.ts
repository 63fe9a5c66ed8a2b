import { enforce, viewerOf, type PolicyRule } from '@glimpse/auth';
import {
  CatalogueUnavailable,
  NotOwner,
  canChange,
  type Catalogue,
  type Identity,
  type Image,
} from '@glimpse/domain';

/** Reads an image that is to be changed, if it is shown to the caller. A copy does not do for that. */
export async function readForChange(catalogue: Catalogue, id: string, caller: Identity): Promise<Image> {
  const reading = await catalogue.image(id, viewerOf(caller));
  if (reading.source === 'copy') throw new CatalogueUnavailable();
  return reading.value;
}

const RULES = { change: 'modify_image', delete: 'delete_image' } as const satisfies Record<
  string,
  PolicyRule
>;

/**
 * Judges whether a caller may change an image that is shown to them: it must be theirs, then no rule of
 * policy may refuse.
 *
 * @throws {NotOwner} {PolicyRefused}
 */
export function judgeChange(image: Image, caller: Identity, action: keyof typeof RULES): void {
  if (!canChange(image, viewerOf(caller))) throw new NotOwner(image.id, action);
  enforce(RULES[action], caller);
}
