import type { ImageCriteria, Viewer } from '@glimpse/domain';

/** A statement with its values. */
export interface Statement {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Collects the values of a statement and gives each its place. */
class Values {
  readonly all: unknown[] = [];

  add(value: unknown): string {
    return `$${this.all.push(value)}`;
  }
}

/** What every image of a list fulfils; the indexes hold just these. */
const LISTED = 'NOT image.hidden AND image.deleted_at IS NULL';

/**
 * The ways in which an image comes to be listed for a viewer, each served by an index of its own and none
 * finding what another finds: SQL's words for `isListed` of the domain.
 */
function branches({ visibility }: ImageCriteria, viewer: Viewer, values: Values): string[] {
  // Served by images_listed_idx.
  if (visibility === 'community') return [`SELECT image.* FROM images image WHERE ${LISTED}`];
  const project = viewer.project === null ? undefined : values.add(viewer.project);
  if (viewer.admin) {
    const own = project ? ` OR image.owner = ${project}` : '';
    return [`SELECT image.* FROM images image WHERE ${LISTED} AND (image.visibility <> 'community'${own})`];
  }
  // Served by images_public_idx, images_own_idx, and members_member_idx with the primary key of images.
  const open = `SELECT image.* FROM images image WHERE image.visibility = 'public' AND ${LISTED}`;
  if (!project) return [open];
  return [
    open,
    `SELECT image.* FROM images image
     WHERE image.owner = ${project} AND image.visibility <> 'public' AND ${LISTED}`,
    `SELECT image.* FROM members member JOIN images image ON image.id = member.image_id
     WHERE member.member = ${project} AND member.status = 'accepted' AND image.visibility = 'shared'
       AND image.owner <> ${project} AND ${LISTED}`,
  ];
}

/** What the criteria ask of each image. */
function filters(criteria: ImageCriteria, values: Values): string {
  const { names, search, statuses, visibility, minDisk, minRam, properties, changedSince } = criteria;
  const conditions = [
    names && `image.name = ANY(${values.add(names)}::text[])`,
    search && `image.name ILIKE ${values.add(`%${search.replace(/[\\%_]/g, '\\$&')}%`)}`,
    statuses && `image.status = ANY(${values.add(statuses)}::text[])`,
    visibility && `image.visibility = ${values.add(visibility)}`,
    minDisk !== undefined && `image.min_disk = ${values.add(minDisk)}`,
    minRam !== undefined && `image.min_ram = ${values.add(minRam)}`,
    properties && `image.properties @> ${values.add(JSON.stringify(properties))}::jsonb`,
    changedSince && `image.updated_at >= ${values.add(changedSince)}`,
  ];
  return conditions
    .filter((condition) => condition)
    .map((condition) => ` AND ${String(condition)}`)
    .join('');
}

/** SQL's words for `canSee` of the domain. A deleted image keeps its place, for whoever could see it. */
function visible(viewer: Viewer, values: Values): string {
  if (viewer.admin) return 'true';
  const open = `image.owner IS NULL OR image.visibility IN ('public', 'community')`;
  if (viewer.project === null) return open;
  const project = values.add(viewer.project);
  return `${open} OR image.owner = ${project} OR image.visibility = 'shared' AND EXISTS (
    SELECT FROM members member WHERE member.image_id = image.id AND member.member = ${project})`;
}

/** Finds the marker of a list if its viewer may see it. Served by the primary keys. */
export function markerStatement(marker: string, viewer: Viewer): Statement {
  const values = new Values();
  const id = values.add(marker);
  const text = `SELECT image.created_at, image.id FROM images image WHERE image.id = ${id} AND (${visible(viewer, values)})`;
  return { text, values: values.all };
}

/**
 * A page of a list. In SQL and not through Prisma Client because it is a merge of index scans, each of which
 * stops after a page: one OR over the table would read all of it. The marker's place is read by the same
 * statement, in PostgreSQL's own precision; of a marker that the viewer may not see there is none, and then
 * no image comes after it.
 */
export function listStatement(criteria: ImageCriteria, viewer: Viewer): Statement {
  const values = new Values();
  const limit = values.add(criteria.limit);
  const ways = branches(criteria, viewer, values);
  let conditions = filters(criteria, values);
  let marker = '';
  if (criteria.marker !== undefined) {
    const id = values.add(criteria.marker);
    marker = `marker AS MATERIALIZED (
      SELECT image.created_at, image.id FROM images image
      WHERE image.id = ${id} AND (${visible(viewer, values)})), `;
    conditions +=
      ' AND (image.created_at, image.id) < ((SELECT created_at FROM marker), (SELECT id FROM marker))';
  }
  const pages = ways.map(
    (way) => `(${way}${conditions} ORDER BY image.created_at DESC, image.id DESC LIMIT ${limit})`,
  );
  const text = `
    WITH ${marker}page AS (
      SELECT * FROM (${pages.join(' UNION ALL ')}) ways ORDER BY created_at DESC, id DESC LIMIT ${limit}
    )
    SELECT id, version, name, status, visibility, hidden, owner, protected, size, min_disk AS "minDisk",
           min_ram AS "minRam", properties, created_at AS "createdAt", updated_at AS "updatedAt", (
      SELECT jsonb_agg(share) FROM members share WHERE share.image_id = page.id
    ) AS members
    FROM page ORDER BY created_at DESC, id DESC`;
  return { text, values: values.all };
}
