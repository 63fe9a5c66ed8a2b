import { IMAGE_STATUSES, type Image, type ImageName, type ImageStatus } from '@glimpse/domain';
import { imageLinks, serverLinks, type LinkBase } from '@glimpse/links';
import type { ImageExtension, Json } from '@glimpse/plugins';

/** The Compute API's name for a status of Glance. All others are UNKNOWN. */
const STATUS: Partial<Record<ImageStatus, string>> = {
  active: 'ACTIVE',
  queued: 'SAVING',
  saving: 'SAVING',
  deleted: 'DELETED',
  pending_delete: 'DELETED',
  killed: 'ERROR',
};

function shownStatus(status: ImageStatus): string {
  return STATUS[status] ?? 'UNKNOWN';
}

/** The statuses of Glance that are shown as a status of the Compute API; none for an unknown status. */
export function statusesShownAs(shown: string): readonly ImageStatus[] {
  return IMAGE_STATUSES.filter((status) => shownStatus(status) === shown);
}

/** The progress of an image by its status, in percent; 0 for all others. */
const PROGRESS: Partial<Record<ImageStatus, number>> = { queued: 25, saving: 50, active: 100 };

/** A time in Nova's form, `YYYY-MM-DDTHH:MM:SSZ`. */
function time(date: Date | null): string | null {
  return date && `${date.toISOString().slice(0, 19)}Z`;
}

/** The attributes of a document that no extension may add. */
export const OWN_ATTRIBUTES: ReadonlySet<string> = new Set([
  'id',
  'name',
  'minRam',
  'minDisk',
  'metadata',
  'created',
  'updated',
  'status',
  'progress',
  'links',
  'server',
]);

function attributes(
  extensions: readonly ImageExtension[],
  position: ImageExtension['position'],
  image: Image,
): Record<string, Json> {
  const contributing = extensions.filter((extension) => (extension.position ?? 'last') === position);
  return Object.assign({}, ...contributing.map((extension) => extension.attributes(image))) as Record<
    string,
    Json
  >;
}

/** The document of an image in a list with details: its attributes, in Nova's order. */
export function detailedImageView(
  image: Image,
  base: LinkBase,
  extensions: readonly ImageExtension[],
): object {
  const server = image.properties['instance_uuid'];
  return {
    id: image.shownId,
    name: image.name,
    minRam: image.minRam,
    minDisk: image.minDisk,
    metadata: image.properties,
    created: time(image.createdAt),
    updated: time(image.updatedAt),
    status: shownStatus(image.status),
    progress: PROGRESS[image.status] ?? 0,
    ...attributes(extensions, 'before-links', image),
    links: imageLinks(base, image.shownId),
    ...(server !== undefined &&
      server !== null && { server: { id: server, links: serverLinks(base, server) } }),
    ...attributes(extensions, 'last', image),
  };
}

/** Whether links built on two bases are the same; the image service is the same in all of them. */
export function isSameBase(one: LinkBase, other: LinkBase): boolean {
  return one.compute === other.compute && one.version === other.version && one.project === other.project;
}

/** The document of one image. */
export function imageView(image: Image, base: LinkBase, extensions: readonly ImageExtension[]): object {
  return { image: detailedImageView(image, base, extensions) };
}

/** The document of an image in a list without details. */
export function briefImageView({ shownId: id, name }: ImageName, base: LinkBase): object {
  return { id, name, links: imageLinks(base, id) };
}
