import type { Filter, FilterIndex } from './list-filters.js';
import type { Way } from './list-ways.js';

/** What every image of a list fulfils; the ordered indexes hold just these. */
const LISTED = 'NOT image.hidden AND image.deleted_at IS NULL';

/** What a list and its conditions need of an image, its id and its time aside. */
export const COLUMNS = [
  'version',
  'name',
  'status',
  'visibility',
  'hidden',
  'owner',
  'protected',
  'size',
  'min_disk',
  'min_ram',
  'properties',
  'updated_at',
  'deleted_at',
]
  .map((column) => `image.${column}`)
  .join(', ');

const IMAGE = `image.id, image.created_at, ${COLUMNS}`;
/** How many values of a filter are merged. */
const MOST_MERGED = 4;

const NEWEST_FIRST = 'ORDER BY image.created_at DESC, image.id DESC';
const COUNT = `row_number() OVER (${NEWEST_FIRST}) AS count`;

type PropertyIndex = FilterIndex & { kind: 'property' };

/** A path to the images of a way: some that may belong to the page, read from one index. */
export interface Path {
  /** Whether it goes in the order of lists, so that one may stop anywhere. */
  readonly ordered: boolean;
  /**
   * The statement that reads so many.
   *
   * @param columns what it reads of each, in SQL, of the row `image`; one in the order of lists reads all, and
   *   numbers them as `count` from 1 on; it may leave out what is not on the page, but the last
   */
  read(most: number, columns: string): string;
  /** What of the way they do not fulfil for certain, in SQL, of the row `image`. */
  readonly check: string;
}

/** SQL that says of a row whether it comes after the marker: `''` in a list that begins at the newest. */
export type AfterMarker = (time: string, id: string) => string;

/**
 * The paths to the images of a way, the one to try first in front.
 *
 * What belongs to a project is usually little, and then walking through it is all there is to do, whatever the
 * filter. Among everybody's images an index in the order of lists is best, for it finds the page and nothing
 * else, and a walk would meet all of that and more. Inverted ones come when another has shown that what they
 * find is not common: that costs them most.
 */
export function pathsOf(way: Way, filters: readonly Filter[], after: AfterMarker): Path[] {
  const walk = way.kind === 'member' ? walkShares(way, after) : walkImages(way, after);
  const found: Path[] = [];
  const gathered: Path[] = [];
  const properties = filters.flatMap(({ index }) => (index?.kind === 'property' ? [index] : []));
  for (const { condition, index } of filters) {
    if (index?.kind === 'ordered') found.push(findInOrder(way, index, after));
    if (index?.kind === 'property') found.push(findProperty(way, index, properties, after));
    if (index?.kind === 'changed') found.push(findChanged(way, condition, after));
    if (index?.kind === 'inverted') gathered.push(findAll(way, condition, after));
  }
  if (way.kind !== 'everybody' || found.length === 0) return [walk, ...found, ...gathered];
  return found.some(({ ordered }) => ordered) ? [...found, ...gathered] : [...found, ...gathered, walk];
}

/** Served by images_visibility_idx and images_owner_idx. */
function walkImages(way: Way, after: AfterMarker): Path {
  return {
    ordered: true,
    read: (most) => `
      SELECT ${IMAGE}, ${COUNT} FROM images image
      WHERE image.visibility = '${way.visibility}' AND ${checkOf(way)} AND ${LISTED} ${after('image.created_at', 'image.id')}
      ${NEWEST_FIRST} LIMIT ${most}`,
    check: 'true',
  };
}

/** Served by members_accepted_idx, and for each share by the primary key of images. */
function walkShares({ project }: Way & { kind: 'member' }, after: AfterMarker): Path {
  return {
    ordered: true,
    read: (most) =>
      follow('members', `place.member = ${project} AND place.status = 'accepted'`, 'true', most, after),
    check: `image.visibility = 'shared' AND image.owner <> ${project} AND ${LISTED}`,
  };
}

/** Images in the order in which another table, the row `place`, has them; of what is not wanted only the last. */
function follow(table: string, found: string, wanted: string, most: number, after: AfterMarker): string {
  const newestFirst = 'ORDER BY place.created_at DESC, place.image_id DESC';
  return `
      SELECT place.image_id AS id, place.created_at, ${COLUMNS}, place.count FROM (
        SELECT place.image_id, place.created_at, row_number() OVER (${newestFirst}) AS count FROM ${table} place
        WHERE ${found} ${after('place.created_at', 'place.image_id')}
        ${newestFirst} LIMIT ${most}
      ) place JOIN images image ON image.id = place.image_id
      WHERE place.count = ${most} OR ${wanted}
      ${newestFirst}`;
}

/**
 * Served by images_name_idx, images_status_idx, images_min_disk_idx and images_min_ram_idx. A few values are
 * merged as one goes; of many, which would make the statement long, so many images of each are sorted.
 */
function findInOrder(
  way: Way,
  { column, wanted, values }: FilterIndex & { kind: 'ordered' },
  after: AfterMarker,
): Path {
  const read = (value: string, most: number): string => `
    SELECT ${IMAGE} FROM images image
    WHERE image.visibility = '${way.visibility}' AND image.${column} = ${value} ${INDEXED[column] ?? ''}
      AND ${LISTED} ${after('image.created_at', 'image.id')}
    ${NEWEST_FIRST} LIMIT ${most}`;
  const few = Array.from({ length: values }, (_, n) => `(${wanted})[${n + 1}]`);
  return {
    ordered: true,
    read: (most) => `
      SELECT image.*, ${COUNT} FROM ${
        values > 0 && values <= MOST_MERGED
          ? `(${few.map((value) => `(${read(value, most)})`).join(' UNION ALL ')}) image`
          : `unnest(${wanted}) AS wanted (value) CROSS JOIN LATERAL (${read('wanted.value', most)}) image`
      } ${NEWEST_FIRST} LIMIT ${most}`,
    check: checkOf(way),
  };
}

/** What the indexes leave out, in their own words: the planner does not guess it from the values. */
const INDEXED: Readonly<Record<string, string>> = {
  status: `AND image.status <> 'active'`,
  min_disk: 'AND image.min_disk <> 0',
  min_ram: 'AND image.min_ram <> 0',
};

/**
 * Served by the primary key of image_properties, and for each image by that of images. Where an image needs more
 * properties, those are looked up there too: that takes a fourth of what reading the image does.
 */
function findProperty(
  way: Way,
  property: PropertyIndex,
  properties: readonly PropertyIndex[],
  after: AfterMarker,
): Path {
  const hash = ({ name, value }: PropertyIndex): string =>
    `property_hash('${way.visibility}', ${name}, ${value})`;
  const others = properties.filter((other) => other !== property);
  // Not EXISTS, which might become a hash of all that have it.
  const has = others.map(
    (other) => `(
      SELECT true FROM image_properties other
      WHERE other.hash = ${hash(other)} AND other.created_at = place.created_at AND other.image_id = place.image_id)`,
  );
  return {
    ordered: true,
    read: (most) =>
      follow(
        'image_properties',
        `place.hash = ${hash(property)}`,
        ['true', ...has].join(' AND '),
        most,
        after,
      ),
    check: `image.visibility = '${way.visibility}' AND ${LISTED} AND ${checkOf(way)}`,
  };
}

/** Served by images_updated_idx. */
function findChanged(way: Way, condition: string, after: AfterMarker): Path {
  return {
    ordered: false,
    read: (most, columns) => `
      SELECT ${columns} FROM images image
      WHERE image.visibility = '${way.visibility}' AND ${LISTED} AND ${condition}
      ORDER BY image.updated_at DESC LIMIT ${most}`,
    check: `${checkOf(way)} ${after('image.created_at', 'image.id')}`,
  };
}

/**
 * Served by images_public_names_idx and images_other_names_idx. It asks for nothing that another index could
 * answer, hidden and deleted images included: how often a value occurs the planner cannot know, and where it
 * guesses high it would rather walk, without a bound.
 */
function findAll(way: Way, condition: string, after: AfterMarker): Path {
  const half = way.visibility === 'public' ? '=' : '<>';
  return {
    ordered: false,
    read: (most, columns) => `
      SELECT ${columns} FROM images image
      WHERE image.visibility ${half} 'public' AND ${condition}
      LIMIT ${most}`,
    check: `image.visibility = '${way.visibility}' AND ${LISTED} AND ${checkOf(way)}
      ${after('image.created_at', 'image.id')}`,
  };
}

/** What makes an image of the right visibility, one that is listed, one of the way. */
function checkOf(way: Way): string {
  switch (way.kind) {
    case 'everybody':
      return 'true';
    case 'owner':
      return `image.owner = ${way.project}`;
    case 'member':
      // A look at the primary key for each: as EXISTS it might become a hash of all that is shared.
      return `image.owner <> ${way.project} AND 'accepted' = (
        SELECT member.status FROM members member
        WHERE member.image_id = image.id AND member.member = ${way.project})`;
  }
}
