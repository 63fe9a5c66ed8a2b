import { canSee, isListed, type Viewer } from '../access.js';
import {
  NEWEST_FIRST,
  type ImageCriteria,
  type NumberRange,
  type SortKey,
  type TimeComparison,
} from '../criteria.js';
import type { Image } from '../image.js';
import { compareCodePoints } from '../text.js';

/** An image, and whether it is deleted but still holds its place as a marker. */
export type ListedImage = Image & { readonly deleted?: boolean };

/**
 * The reference implementation of a list: filters, sorts and slices all images. Suites compare lists with it.
 *
 * @returns undefined where the viewer may not see the marker
 */
export function listOf<T extends ListedImage>(
  images: readonly T[],
  criteria: ImageCriteria,
  viewer: Viewer,
): T[] | undefined {
  const { order = NEWEST_FIRST, marker, limit } = criteria;
  const sorted = [...images].sort((one, other) => compare(one, other, order));
  const place = sorted.findIndex(({ id }) => id === marker);
  if (marker !== undefined && (place < 0 || !canSee(sorted[place]!, viewer))) return undefined;
  return sorted
    .slice(place + 1)
    .filter((image) => image.deleted !== true && isListed(image, viewer, criteria))
    .filter((image) => matches(image, criteria))
    .slice(0, limit);
}

function compare(one: Image, other: Image, order: readonly SortKey[]): number {
  for (const { attribute, direction } of order) {
    const difference = compareValues(one[attribute], other[attribute]);
    if (difference !== 0) return direction === 'asc' ? difference : -difference;
  }
  return 0;
}

type SortedValue = Image[SortKey['attribute']];

function compareValues(one: SortedValue, other: SortedValue): number {
  if (one === null || other === null) return Number(one !== null) - Number(other !== null);
  if (typeof one === 'string') return compareCodePoints(one, other as string);
  return Number(one) - Number(other);
}

/** Whether an image matches all filters. */
function matches(image: Image, criteria: ImageCriteria): boolean {
  const { search, tags = [], properties = {}, changedSince } = criteria;
  return (
    isOneOf(image.id, criteria.ids) &&
    isOneOf(image.name, criteria.names) &&
    (!search || (image.name?.toLowerCase().includes(search.toLowerCase()) ?? false)) &&
    isOneOf(image.status, criteria.statuses) &&
    isOneOf(image.diskFormat, criteria.diskFormats) &&
    isOneOf(image.containerFormat, criteria.containerFormats) &&
    (criteria.owner === undefined || image.owner?.toLowerCase() === criteria.owner.toLowerCase()) &&
    (criteria.protected === undefined || image.protected === criteria.protected) &&
    isWithin(image.size, criteria.size) &&
    isWithin(image.virtualSize, criteria.virtualSize) &&
    isWithin(image.minDisk, criteria.minDisk) &&
    isWithin(image.minRam, criteria.minRam) &&
    (criteria.checksum === undefined || image.checksum === criteria.checksum) &&
    (criteria.hashAlgorithm === undefined || image.hashAlgorithm === criteria.hashAlgorithm) &&
    (criteria.hashValue === undefined || image.hashValue === criteria.hashValue) &&
    tags.every((tag) => image.tags.includes(tag)) &&
    Object.entries(properties).every(([name, value]) => image.properties[name] === value) &&
    compares(image.createdAt, criteria.createdAt) &&
    compares(image.updatedAt, criteria.updatedAt) &&
    (!changedSince || (image.updatedAt !== null && image.updatedAt >= changedSince))
  );
}

function isOneOf(value: string | null, wanted?: readonly string[]): boolean {
  return !wanted || (value !== null && wanted.includes(value));
}

function isWithin(value: number | null, range?: NumberRange): boolean {
  if (!range) return true;
  const { min = -Infinity, max = Infinity } = range;
  return value !== null && min <= value && value <= max;
}

const SECOND_MS = 1000;

function compares(value: Date | null, comparison?: TimeComparison): boolean {
  if (!comparison) return true;
  if (value === null) return false;
  const difference = Math.floor(value.getTime() / SECOND_MS) * SECOND_MS - comparison.time.getTime();
  return {
    gt: difference > 0,
    gte: difference >= 0,
    lt: difference < 0,
    lte: difference <= 0,
    eq: difference === 0,
    neq: difference !== 0,
  }[comparison.operator];
}
