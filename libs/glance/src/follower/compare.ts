import type { FollowedMirror, Image, SourceImage, SourcePlace } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';

/** How many images of the mirror are read at once. */
const PAGE = 500;

/** What of an image is compared, and how it is shown. */
const COMPARED: readonly (keyof SourceImage & keyof Image)[] = [
  'name',
  'status',
  'visibility',
  'hidden',
  'owner',
  'protected',
  'size',
  'minDisk',
  'minRam',
  'properties',
  'createdAt',
  'updatedAt',
];

/**
 * Compares all images and members of a source with those of its mirror, each difference a line. Both are read
 * in the same order, so that memory holds a page of each. What changes meanwhile may show as a difference.
 *
 * @throws {SourceUnavailable} {CatalogueUnavailable}
 *
 * @example
 * for await (const difference of compareCatalogues(source, mirror)) console.log(difference);
 * // image 70a5…: name is "a" in the source and "b" in the catalogue
 */
export async function* compareCatalogues(
  source: ImageSource,
  mirror: FollowedMirror,
): AsyncGenerator<string, void> {
  for (const hidden of [false, true]) {
    const theirs = pagesOf((after) => source.page({ hidden, ...(after && { after }) }));
    const ours = pagesOf(async (after) => {
      const images = await mirror.page(hidden, PAGE, after);
      return { images, bad: [], next: images.length < PAGE ? undefined : images.at(-1) };
    });
    let [there, here] = [await theirs.next(), await ours.next()];
    while (!there.done || !here.done) {
      const order = there.done ? 1 : here.done ? -1 : placeOrder(there.value, here.value);
      if (order < 0) yield `image ${there.value!.id}: only in the source`;
      if (order > 0) yield `image ${here.value!.id}: only in the catalogue`;
      if (order === 0) yield* differences(source, there.value as SourceImage, here.value as Image);
      [there, here] = [order <= 0 ? await theirs.next() : there, order >= 0 ? await ours.next() : here];
    }
  }
}

async function* pagesOf<T extends SourcePlace>(
  read: (after?: SourcePlace) => Promise<{ images: readonly T[]; next: SourcePlace | undefined }>,
): AsyncGenerator<T, undefined> {
  let after: SourcePlace | undefined;
  do {
    const { images, next } = await read(after);
    yield* images;
    after = next;
  } while (after);
}

function placeOrder(one: SourcePlace, other: SourcePlace): number {
  return (
    one.createdAt.getTime() - other.createdAt.getTime() ||
    (one.id < other.id ? -1 : Number(one.id > other.id))
  );
}

async function* differences(
  source: ImageSource,
  there: SourceImage,
  here: Image,
): AsyncGenerator<string, void> {
  const compared = COMPARED.map((key) => [key, shown(there[key]), shown(here[key])]);
  if (there.visibility === 'shared') {
    const members = (await source.members(there.id))?.members ?? new Map();
    compared.push(['members', shown(Object.fromEntries(members)), shown(Object.fromEntries(here.members))]);
  }
  for (const [key, theirs, ours] of compared) {
    if (theirs !== ours)
      yield `image ${there.id}: ${key} is ${theirs} in the source and ${ours} in the catalogue`;
  }
}

/** A value as JSON; the order of keys says nothing. */
function shown(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
