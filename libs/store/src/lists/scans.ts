import { UNLISTED_STATUS } from '@glimpse/domain';
import { LISTED_COLUMNS } from '../images/image-columns.js';
import type { Branch } from './branches.js';
import type { Filter, FilterIndex, PropertyValue } from './filters.js';

/** Of images of the status that is in no list there are so few that no index needs to leave them out. */
const SHOWN = `image.deleted_at IS NULL AND image.status <> '${UNLISTED_STATUS}'`;
/** The condition of every image of a list; the ordered indexes hold just these, but for the status. */
export const LISTED = `NOT image.hidden AND ${SHOWN}`;
/** That of a list of hidden images. */
export const HIDDEN = `image.hidden AND ${SHOWN}`;

const IMAGE = `image.id, image.created_at, ${LISTED_COLUMNS}`;
/** How many values of a filter are merged. */
const MAX_MERGED = 4;
/** How many further properties of an image are checked by key before the image is read. */
const MAX_CHECKED_BY_KEY = 3;

const NEWEST_FIRST = 'ORDER BY image.created_at DESC, image.id DESC';
const COUNT = `row_number() OVER (${NEWEST_FIRST}) AS count`;

/** A scan of one index that finds images of a branch, of which some may belong to the page. */
export interface IndexScan {
  /** Whether it goes in the order of lists, so that it can stop anywhere. */
  readonly ordered: boolean;
  /**
   * The statement that reads up to `most` images. It may omit rows beyond the page, except the last one, which carries
   * the count.
   *
   * @param columns what it reads of each, in SQL, of the row `image`; a scan in the order of lists reads
   *   all columns, and numbers the images as `count` from 1 on
   */
  read(most: number, columns: string): string;
  /** The SQL condition, of the row `image`, that the scan leaves to check. */
  readonly check: string;
}

/** The SQL condition that a row comes after the marker: `''` in a list that begins at the newest. */
export type AfterMarker = (time: string, id: string) => string;

/**
 * The scans for a branch, the one to try first in front.
 *
 * A project's own images and shares are scanned in their order first, and its own images then by property. No scan
 * for them reads an index across projects: its time would reveal what others have. Among all images of a visibility
 * an index in the order of lists is best, as it finds the page and nothing else. Inverted indexes come last, when
 * another scan has shown that the matches are not common: common ones cost them most.
 */
export function scansOf(branch: Branch, filters: readonly Filter[], after: AfterMarker): IndexScan[] {
  if (branch.kind === 'member') return [scanShares(branch, after)];
  const byProperty = filters.flatMap(({ index }) =>
    index?.kind === 'properties'
      ? index.properties.map((one) => findProperty(branch, one, index.properties, after))
      : [],
  );
  if (branch.kind === 'owner') {
    const covered = filters.filter((filter) => filter.covered);
    return [
      covered.length > 0 ? scanCovered(branch, covered, after) : scanImages(branch, after),
      ...byProperty,
    ];
  }
  const ordered: IndexScan[] = [];
  const gathered: IndexScan[] = [];
  for (const { condition, index } of filters) {
    if (index?.kind === 'ordered') ordered.push(findInOrder(branch, index, after));
    if (index?.kind === 'properties') ordered.push(...byProperty);
    if (index?.kind === 'changed') ordered.push(findChanged(branch, condition('image'), after));
    if (index?.kind === 'inverted') gathered.push(findAll(branch, condition('image'), after));
  }
  if (ordered.length === 0) return [scanImages(branch, after), ...gathered];
  return ordered.some((scan) => scan.ordered)
    ? [...ordered, ...gathered]
    : [...ordered, ...gathered, scanImages(branch, after)];
}

type All = Branch & { kind: 'all' };
type Owner = Branch & { kind: 'owner' };
export type Member = Branch & { kind: 'member' };

/**
 * The scan for a branch of a list of hidden images. Other indexes do not hold these, and there are few: what a filter
 * excludes is read, too.
 */
export function scanHidden(branch: Branch, after: AfterMarker): IndexScan {
  return branch.kind === 'member' ? scanShares(branch, after, HIDDEN) : scanImages(branch, after, HIDDEN);
}

/**
 * Served by images_visibility_idx and images_owned_idx; for hidden images by images_hidden_idx and
 * images_hidden_owned_idx.
 */
function scanImages(branch: All | Owner, after: AfterMarker, listed = LISTED): IndexScan {
  return {
    ordered: true,
    read: (most) => `
      SELECT ${IMAGE}, ${COUNT} FROM images image
      WHERE image.visibility = '${branch.visibility}' AND ${checkOf(branch)} AND ${listed} ${after('image.created_at', 'image.id')}
      ${NEWEST_FIRST} LIMIT ${most}`,
    check: 'true',
  };
}

/** Served by images_owned_idx alone until an image fulfils the conditions, then by the primary key. */
function scanCovered(branch: Owner, covered: readonly Filter[], after: AfterMarker): IndexScan {
  const conditions = covered.map(({ condition }) => condition('place')).join(' AND ');
  return {
    ordered: true,
    read: (most) => `
      SELECT place.id, place.created_at, ${LISTED_COLUMNS}, place.count FROM (
        SELECT image.id, image.created_at, image.name, image.status, image.min_disk, image.min_ram,
               image.updated_at, ${COUNT}
        FROM images image
        WHERE image.visibility = '${branch.visibility}' AND ${checkOf(branch)} AND ${LISTED} ${after('image.created_at', 'image.id')}
        ${NEWEST_FIRST} LIMIT ${most}
      ) place JOIN images image ON image.id = place.id
      WHERE place.count = ${most} OR ${conditions}
      ORDER BY place.created_at DESC, place.id DESC`,
    check: 'true',
  };
}

/** Served by members_accepted_idx and members_unaccepted_idx, and for each share by the primary key of images. */
function scanShares(branch: Member, after: AfterMarker, listed = LISTED): IndexScan {
  return {
    ordered: true,
    read: (most) => follow('members', sharesOf(branch, 'place'), 'true', most, after),
    check: `${sharedCheckOf(branch)} AND ${listed}`,
  };
}

/** The condition of a project's memberships of one status, of the row with this name. */
export function sharesOf({ project, status }: Member, row: string): string {
  // The planner does not derive the condition of the partial index from the value.
  const indexed = status === 'accepted' ? '' : ` AND ${row}.status <> 'accepted'`;
  return `${row}.member = ${project} AND ${row}.status = '${status}'${indexed}`;
}

/** The condition that an image of such a membership is one that others share. */
export function sharedCheckOf({ project }: Member): string {
  return `image.visibility = 'shared' AND image.owner IS DISTINCT FROM ${project}`;
}

/** Images in the order of another table, the row `place`; of those that are not wanted only the last. */
function follow(table: string, found: string, wanted: string, most: number, after: AfterMarker): string {
  const newestFirst = 'ORDER BY place.created_at DESC, place.image_id DESC';
  return `
      SELECT place.image_id AS id, place.created_at, ${LISTED_COLUMNS}, place.count FROM (
        SELECT place.image_id, place.created_at, row_number() OVER (${newestFirst}) AS count FROM ${table} place
        WHERE ${found} ${after('place.created_at', 'place.image_id')}
        ${newestFirst} LIMIT ${most}
      ) place JOIN images image ON image.id = place.image_id
      WHERE place.count = ${most} OR ${wanted}
      ${newestFirst}`;
}

/**
 * Served by images_name_idx, images_status_idx, images_min_disk_idx and images_min_ram_idx. A few values are
 * merged as they are read; of many, which would make the statement long, as many images of each are sorted.
 */
function findInOrder(
  branch: All,
  { column, wanted, values }: FilterIndex & { kind: 'ordered' },
  after: AfterMarker,
): IndexScan {
  const read = (value: string, most: number): string => `
    SELECT ${IMAGE} FROM images image
    WHERE image.visibility = '${branch.visibility}' AND image.${column} = ${value} ${INDEXED[column] ?? ''}
      AND ${LISTED} ${after('image.created_at', 'image.id')}
    ${NEWEST_FIRST} LIMIT ${most}`;
  const few = Array.from({ length: values }, (_, n) => `(${wanted})[${n + 1}]`);
  return {
    ordered: true,
    read: (most) => `
      SELECT image.*, ${COUNT} FROM ${
        values > 0 && values <= MAX_MERGED
          ? `(${few.map((value) => `(${read(value, most)})`).join(' UNION ALL ')}) image`
          : `unnest(${wanted}) AS wanted (value) CROSS JOIN LATERAL (${read('wanted.value', most)}) image`
      } ${NEWEST_FIRST} LIMIT ${most}`,
    check: 'true',
  };
}

/** The conditions of the partial indexes: the planner does not derive them from the values. */
const INDEXED: Readonly<Record<string, string>> = {
  status: `AND image.status <> 'active'`,
  min_disk: 'AND image.min_disk <> 0',
  min_ram: 'AND image.min_ram <> 0',
};

/**
 * Served by the primary key of image_properties, and for each image by that of images. Where an image needs more
 * properties, some of those are checked there too: that costs a fourth of reading the image.
 */
function findProperty(
  branch: All | Owner,
  property: PropertyValue,
  properties: readonly PropertyValue[],
  after: AfterMarker,
): IndexScan {
  const hash = ({ name, value }: PropertyValue): string =>
    branch.kind === 'owner'
      ? `owned_property_hash(${branch.project}, '${branch.visibility}', ${name}, ${value})`
      : `property_hash('${branch.visibility}', ${name}, ${value})`;
  const others = properties.filter((other) => other !== property).slice(0, MAX_CHECKED_BY_KEY);
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
    check: `image.visibility = '${branch.visibility}' AND ${LISTED} AND ${checkOf(branch)}`,
  };
}

/** Served by images_updated_idx. */
function findChanged(branch: All, condition: string, after: AfterMarker): IndexScan {
  return {
    ordered: false,
    read: (most, columns) => `
      SELECT ${columns} FROM images image
      WHERE image.visibility = '${branch.visibility}' AND ${LISTED} AND ${condition}
      ORDER BY image.updated_at DESC LIMIT ${most}`,
    check: `true ${after('image.created_at', 'image.id')}`,
  };
}

/**
 * Served by images_public_names_idx, images_community_names_idx and images_other_names_idx. It filters by nothing
 * that another index could serve, hidden and deleted images included: how often a value occurs the planner cannot
 * know, and where it guesses high it would rather scan in order, without a bound. Hidden and deleted images of a
 * visibility that every viewer sees are no secret.
 */
function findAll(branch: All, condition: string, after: AfterMarker): IndexScan {
  const part = {
    public: `= 'public'`,
    community: `= 'community'`,
    shared: `<> 'public'`,
    private: `<> 'public'`,
  }[branch.visibility];
  return {
    ordered: false,
    read: (most, columns) => `
      SELECT ${columns} FROM images image
      WHERE image.visibility ${part} AND ${condition}
      LIMIT ${most}`,
    check: `image.visibility = '${branch.visibility}' AND ${LISTED}
      ${after('image.created_at', 'image.id')}`,
  };
}

/** The condition that a listed image of the right visibility is one of the branch. */
export function checkOf(branch: All | Owner): string {
  return branch.kind === 'owner' ? `image.owner = ${branch.project}` : 'true';
}
