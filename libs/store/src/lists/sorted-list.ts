import { NEWEST_FIRST, type ImageCriteria, type Viewer } from '@glimpse/domain';
import { LISTED_COLUMNS } from '../images/image-columns.js';
import { Values, type Statement } from '../statement.js';
import { branchesOf, visible, type Branch } from './branches.js';
import { filtersOf } from './filters.js';
import { columnsOf, isAfterMarker, orderBy } from './order.js';
import { MAX_PAGE, wholeImages } from './page-statement.js';
import { HIDDEN, LISTED, checkOf, sharedCheckOf, sharesOf } from './scans.js';

/**
 * Whether a list is read by {@link sortedListStatement}: its order is another one than the indexes have, or its images
 * are found by their ids.
 */
export function isSorted({ order, ids }: Pick<ImageCriteria, 'order' | 'ids'>): boolean {
  return order !== undefined || ids !== undefined;
}

/**
 * The statement of a list in any order: it reads all that is listed for the viewer and fulfils the filters, and
 * sorts it. Its bound is the time limit of its query.
 *
 * Served by the indexes of each branch, and those of the filters where all projects may know of the images. What a
 * project owns is found by images_owned_idx or images_hidden_owned_idx and filtered afterwards, behind OFFSET 0: with
 * an index across projects, the time would reveal what others have. OFFSET 0 around the branches keeps PostgreSQL from
 * reading a whole index in the requested order. Ids are found by the primary key.
 *
 * @returns undefined where nothing can be listed
 */
export function sortedListStatement(criteria: ImageCriteria, viewer: Viewer): Statement | undefined {
  const { order = NEWEST_FIRST, limit, marker } = criteria;
  const values = new Values();
  const most = `${values.add(Math.min(limit, MAX_PAGE))}::bigint`;
  const filters = filtersOf(criteria, values);
  const conditions = filters.map(({ condition }) => condition('image'));
  const columns = columnsOf(order);
  let found = '';
  if (marker !== undefined) {
    const id = values.add(marker);
    found = `WITH marker AS MATERIALIZED (
        SELECT ${columns.join(', ')} FROM images image
        WHERE image.id = ${id} AND (${visible(viewer, values)}))`;
    conditions.push(isAfterMarker(order));
  }
  const selected = columns.map((column) => `image.${column}`).join(', ');
  const listed = criteria.hidden ? HIDDEN : LISTED;
  const byId = filters.find(({ isKey }) => isKey)?.condition('image') ?? 'true';
  const branches = branchesOf(criteria, viewer, values).map(
    (branch) => `(SELECT ${selected} FROM ${rowsOf(branch, listed, byId)}${whereOf(conditions)})`,
  );
  if (branches.length === 0) return undefined;
  const page = `
      SELECT image.id, image.created_at, ${LISTED_COLUMNS}, 0 AS branch, false AS truncated
      FROM (
        SELECT * FROM (${branches.join(' UNION ALL ')} OFFSET 0) listed
        ${orderBy(order)} LIMIT ${most}
      ) place JOIN images image ON image.id = place.id`;
  return { text: `${found}${wholeImages(page, orderBy(order))}`, values: values.all };
}

function whereOf(conditions: readonly string[]): string {
  return conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
}

/** The images of a branch, as the rows `image` of a FROM. */
function rowsOf(branch: Branch, listed: string, byId: string): string {
  if (branch.kind === 'member') {
    return `(
      SELECT image.* FROM members share JOIN images image ON image.id = share.image_id
      WHERE ${sharesOf(branch, 'share')} AND ${sharedCheckOf(branch)} AND ${listed} AND ${byId}) image`;
  }
  const fence = branch.kind === 'owner' ? ' OFFSET 0' : '';
  return `(
      SELECT image.* FROM images image
      WHERE image.visibility = '${branch.visibility}' AND ${checkOf(branch)} AND ${listed} AND ${byId}${fence}) image`;
}
