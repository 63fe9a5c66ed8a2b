import {
  COMPARED_ATTRIBUTES,
  CatalogueUnavailable,
  DomainError,
  printable,
  type FollowedMirror,
  type Image,
  type SourceImage,
  type SourceMembers,
  type SourcePlace,
} from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import { pagesOf } from './page-progress.js';

/** How many images of the mirror one page has. */
const PAGE = 500;

/**
 * Compares all images and members of a source with those of its mirror, one line for each difference. Both are read in
 * the order of creation, so that memory holds a page of each and the images of one second, which a source may order by
 * more than it shows. A change in the meantime may be reported as a difference.
 *
 * @param onLeftOut called with a line for each image that no catalogue can hold, which is no difference
 * @throws {SourceUnavailable} {CatalogueUnavailable}
 *
 * @example
 * for await (const difference of compareCatalogues(source, mirror)) console.log(difference);
 * // image 70a5…: name is "a" in the source and "b" in the catalogue
 */
export async function* compareCatalogues(
  source: Pick<ImageSource, 'page' | 'members'>,
  mirror: Pick<FollowedMirror, 'page'>,
  onLeftOut: (line: string) => void = () => undefined,
): AsyncGenerator<string, void> {
  for (const hidden of [false, true]) {
    const theirs = secondsOf(async (after) => {
      const page = await source.page({ hidden, ...(after && { after }) });
      page.bad.forEach(onLeftOut);
      return page;
    });
    const ours = secondsOf(async (after) => {
      const images = await mirror.page(hidden, PAGE, after);
      return { images, next: images.length < PAGE ? undefined : images.at(-1) };
    });
    let [there, here] = [await theirs.next(), await ours.next()];
    while (!there.done || !here.done) {
      const order = there.done ? 1 : here.done ? -1 : there.value.second - here.value.second;
      const inSource = order <= 0 ? there.value!.images : new Map<string, SourceImage>();
      const inCatalogue = order >= 0 ? here.value!.images : new Map<string, Image>();
      for (const [id, image] of inSource) {
        const copy = inCatalogue.get(id);
        if (copy) yield* differences(source, image, copy, onLeftOut);
        else yield `image ${id}: only in the source`;
      }
      for (const id of inCatalogue.keys()) if (!inSource.has(id)) yield `image ${id}: only in the catalogue`;
      [there, here] = [order <= 0 ? await theirs.next() : there, order >= 0 ? await ours.next() : here];
    }
  }
}

/** Images by their second of creation; a repeated image counts once. */
async function* secondsOf<T extends SourcePlace>(
  read: (after?: SourcePlace) => Promise<{ images: readonly T[]; next: SourcePlace | undefined }>,
): AsyncGenerator<{ second: number; images: ReadonlyMap<string, T> }, undefined> {
  let second = -Infinity;
  let images = new Map<string, T>();
  for await (const page of pagesOf(read)) {
    for (const image of page.images) {
      const created = Math.floor(image.createdAt.getTime() / 1000);
      if (created !== second && images.size > 0) {
        yield { second, images };
        images = new Map();
      }
      second = created;
      images.set(image.id, image);
    }
  }
  if (images.size > 0) yield { second, images };
}

async function* differences(
  source: Pick<ImageSource, 'members'>,
  there: SourceImage,
  here: Image,
  onLeftOut: (line: string) => void,
): AsyncGenerator<string, void> {
  const compared = COMPARED_ATTRIBUTES.map((key) => [
    key,
    canonicalJson(there[key]),
    canonicalJson(here[key]),
  ]);
  if (there.visibility === 'shared') {
    const members = await membersOf(source, there.shownId, onLeftOut);
    compared.push([
      'members',
      canonicalJson(Object.fromEntries(members)),
      canonicalJson(Object.fromEntries(here.members)),
    ]);
  }
  for (const [key, theirs, ours] of compared) {
    if (theirs !== ours)
      yield `image ${there.id}: ${key} is ${theirs} in the source and ${ours} in the catalogue`;
  }
}

/** Empty where no catalogue can hold them. */
async function membersOf(
  source: Pick<ImageSource, 'members'>,
  id: string,
  onLeftOut: (line: string) => void,
): Promise<SourceMembers['members']> {
  try {
    return (await source.members(id))?.members ?? new Map();
  } catch (error) {
    if (!(error instanceof DomainError) || error instanceof CatalogueUnavailable) throw error;
    onLeftOut(`members of image ${id}: ${error.message}`);
    return new Map();
  }
}

/** JSON with sorted keys. */
function canonicalJson(value: unknown): string {
  const text = JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
  return printable(text);
}
