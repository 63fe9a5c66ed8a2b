import type { ImageCriteria, Viewer } from '@glimpse/domain';
import { LISTED_COLUMNS } from '../images/image-columns.js';
import { branchesOf, visible } from './branches.js';
import { filtersOf } from './filters.js';
import { MAX_PAGE, wholeImages } from './page-statement.js';
import { scanHidden, scansOf, type AfterMarker, type IndexScan } from './scans.js';
import { Values, type Statement } from '../statement.js';

/** How a branch of a list is read in one attempt. */
export interface Attempt {
  /** The number of the index scan, from 0 on. */
  readonly scan: number;
  /** The most images that the scan reads. */
  readonly bound: number;
}

/** An attempt for each branch of a list; empty where nothing can be listed. */
export type ListPlan = readonly Attempt[];

/** A row of a list's statement, besides the image. */
export interface ListRow {
  /** The number of its branch. */
  readonly branch: number;
  /** Whether the scan ended at its bound: from here on, images of this branch may be missing. */
  readonly truncated: boolean;
  /** Whether the statement found a row after this one. After the last row: one that is beyond the page's bytes. */
  readonly followed: boolean;
}

/** Images that an index returns in no useful order, and the columns that are read of each. */
interface Gathered {
  readonly name: string;
  readonly scan: IndexScan;
  readonly most: number;
  readonly columns: readonly string[];
}

const ORDER = 'ORDER BY created_at DESC, id DESC';

/** How many images a branch's first scan reads: enough for a page of 25 of what every eighth image has. */
const FIRST_BOUND = 200;

/** The growth of the bound with each attempt: all attempts before the last cost a ninth of it. */
const GROWTH = 10;

/** The same for a branch with a single scan: it stops at the end of the page, and a bound only adds attempts. */
const GROWTH_OF_ONLY_SCAN = 100;

/** A scan in the order of lists continues if at least one image in so many belongs to the page. */
const MAX_READ_PER_MATCH = 100;

/** Finds the marker of a list if its viewer may see it. Served by the primary keys. */
export function markerStatement(marker: string, viewer: Viewer): Statement {
  const values = new Values();
  const id = values.add(marker);
  const text = `SELECT image.created_at, image.id FROM images image WHERE image.id = ${id} AND (${visible(viewer, values)})`;
  return { text, values: values.all };
}

/**
 * The statements that read a page of a list. In SQL and not through Prisma Client because each is a merge of
 * index scans that stop early: one OR over the table would read all of it.
 *
 * Where there are filters, a branch can have several scans, and which one is short is not known beforehand:
 * PostgreSQL has no idea how often a property occurs, let alone where. So every scan has a bound, a row that is
 * `truncated` marks the place where the bound was reached, and {@link ListQuery.next} retries a truncated branch with
 * its next scan and a higher bound. The rows that are read are thus some multiple of those of the best scan.
 */
export class ListQuery {
  readonly #values = new Values();
  readonly #branches: readonly (readonly IndexScan[])[];
  readonly #conditions: string;
  readonly #marker: string;
  readonly #limit: string;

  constructor(
    criteria: ImageCriteria,
    viewer: Viewer,
    private readonly firstBound = FIRST_BOUND,
  ) {
    this.#limit = `${this.#values.add(Math.min(criteria.limit, MAX_PAGE))}::bigint`;
    const filters = filtersOf(criteria, this.#values);
    this.#conditions = filters.map(({ condition }) => ` AND ${condition('image')}`).join('');
    let after: AfterMarker = () => '';
    this.#marker = '';
    if (criteria.marker !== undefined) {
      const id = this.#values.add(criteria.marker);
      // Its place is read by the same statement, in PostgreSQL's own precision. Of a marker that the viewer may
      // not see there is none, and then no image comes after it.
      this.#marker = `marker AS MATERIALIZED (
        SELECT image.created_at, image.id FROM images image
        WHERE image.id = ${id} AND (${visible(viewer, this.#values)}))`;
      after = (time, id) =>
        `AND (${time}, ${id}) < ((SELECT created_at FROM marker), (SELECT id FROM marker))`;
    }
    this.#branches = branchesOf(criteria, viewer, this.#values).map((branch) =>
      criteria.hidden ? [scanHidden(branch, after)] : scansOf(branch, filters, after),
    );
  }

  /** The first attempt. */
  first(): ListPlan {
    const bound = this.#conditions ? this.firstBound : MAX_PAGE;
    return this.#branches.map(() => ({ scan: 0, bound }));
  }

  /** The next attempt after the rows of a plan; undefined when those are the page. */
  next(plan: ListPlan, rows: readonly ListRow[]): ListPlan | undefined {
    if (!rows.some(({ truncated }) => truncated)) return undefined;
    return plan.map(({ scan, bound }, branch) => {
      const ofBranch = rows.filter((row) => row.branch === branch);
      if (!ofBranch.some(({ truncated }) => truncated)) return { scan, bound };
      const scans = this.#branches[branch]!;
      const found = ofBranch.filter(({ truncated }) => !truncated).length;
      const stays = scans[scan]!.ordered && found * MAX_READ_PER_MATCH >= bound;
      const growth = scans.length === 1 ? GROWTH_OF_ONLY_SCAN : GROWTH;
      return { scan: stays ? scan : (scan + 1) % scans.length, bound: bound * growth };
    });
  }

  /**
   * The statement of a plan, for whole images. The rows before the first that is truncated are the beginning of
   * the page; without one they are the page.
   */
  statement(plan: ListPlan): Statement {
    const text = `${this.#with(plan)}${wholeImages(this.#page(plan), ORDER)}`;
    return { text, values: this.#values.all };
  }

  /** The statement of a plan that reads of each image only what names it; otherwise like {@link statement}. */
  namesStatement(plan: ListPlan): Statement {
    const text = `${this.#with(plan)}
      SELECT id, shown_id AS "shownId", name, branch, truncated, false AS followed
      FROM (${this.#page(plan)}) page ${ORDER}`;
    return { text, values: this.#values.all };
  }

  #page(plan: ListPlan): string {
    const { branches } = this.#parts(plan);
    return `SELECT * FROM (${branches.join(' UNION ALL ')}) merged
      ${ORDER} LIMIT ${this.#limit}`;
  }

  #with(plan: ListPlan): string {
    const { common } = this.#parts(plan);
    if (this.#marker) common.unshift(this.#marker);
    return common.length === 0 ? '' : `WITH ${common.join(', ')}`;
  }

  /**
   * The SQL of each branch, and what several have in common. One image more than the bound is read: a scan in the
   * order of lists that reaches it is truncated there. A scan in any other order is then truncated before its first
   * image, because images that it did not find may be newer than the whole page.
   */
  #parts(plan: ListPlan): { common: string[]; branches: string[] } {
    const gathered = new Map<string, Gathered>();
    const branches = plan.map(({ scan: number, bound }, branch) => {
      const scan = this.#branches[branch]![number]!;
      return scan.ordered
        ? this.#inOrder(scan, bound, branch)
        : this.#found(this.#gather(gathered, scan, bound, branch), bound, branch);
    });
    const common = [...gathered.values()].map(
      ({ name, scan, columns, most }) =>
        `${name} AS MATERIALIZED (${scan.read(most, ['image.id', 'image.created_at', ...columns].join(', '))})`,
    );
    return { common, branches };
  }

  #inOrder({ read, check }: IndexScan, bound: number, branch: number): string {
    return `(
      SELECT image.id, image.created_at, ${LISTED_COLUMNS}, ${branch} AS branch, image.count > ${bound} AS truncated
      FROM (${read(bound + 1, '')}) image
      WHERE image.count > ${bound} OR ${check}${this.#conditions}
      ORDER BY created_at DESC, id DESC)`;
  }

  /** Branches that gather the same images do so once, each with a column that marks its own. */
  #gather(gathered: Map<string, Gathered>, scan: IndexScan, bound: number, branch: number): string {
    const most = bound + 1;
    const key = scan.read(most, '');
    const { name, columns } = gathered.get(key) ?? { name: `gathered_${gathered.size}`, columns: [] };
    gathered.set(key, {
      name,
      scan,
      most,
      columns: [...columns, `${scan.check}${this.#conditions} AS of_${branch}`],
    });
    return name;
  }

  /** Whole images are read when they are known to be on the page: many thousands may have been gathered. */
  #found(gathered: string, bound: number, branch: number): string {
    return `(
      SELECT image.id, place.created_at, ${LISTED_COLUMNS}, ${branch} AS branch, place.truncated
      FROM (
        SELECT id, CASE WHEN count > ${bound} THEN 'infinity' ELSE created_at END AS created_at,
               count > ${bound} AS truncated
        FROM (SELECT id, created_at, of_${branch} AS fits, count(*) OVER () AS count FROM ${gathered}) found
        WHERE fits OR count > ${bound}
        ORDER BY 2 DESC, id DESC LIMIT ${MAX_PAGE}
      ) place JOIN images image ON image.id = place.id
      ORDER BY place.created_at DESC, place.id DESC)`;
  }
}
