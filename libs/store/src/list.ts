import type { ImageCriteria, Viewer } from '@glimpse/domain';
import { filtersOf } from './list-filters.js';
import { COLUMNS, pathsOf, type AfterMarker, type Path } from './list-paths.js';
import { visible, waysOf } from './list-ways.js';
import { Values, type Statement } from './statement.js';

/** How a page is read along one way. */
export interface Step {
  /** Which of the way's paths is taken, from 0 on. */
  readonly path: number;
  /** How many images are read on it at most. */
  readonly bound: number;
}

/** A step for each way of a list; empty where nothing can be listed. */
export type ListPlan = readonly Step[];

/** A row of a list's statement, besides the image. */
export interface ListRow {
  /** The number of its way. */
  readonly way: number;
  /** Whether the path ended at its bound: from here on, images of this way may be missing. */
  readonly cut: boolean;
}

/** Images that an index gives in no order of use, and what is noted of each. */
interface Gathered {
  readonly name: string;
  readonly path: Path;
  readonly most: number;
  readonly columns: readonly string[];
}

/** How many images are read on a way's first path: enough for a page of 25 of what every eighth image has. */
const FIRST_BOUND = 200;

/** How many are read where there are no filters, and the page is full before: one text for every page. */
const PAGE_BOUND = 1000;

/** How much further each step goes: all steps before the last cost a ninth of it. */
const GROWTH = 10;

/** A path in the order of lists goes on itself where one image in so many belongs to the page. */
const WORTH_GOING_ON = 100;

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
 * Where there are filters, each way has several paths. Which one is short nobody knows beforehand: PostgreSQL
 * has no idea how often a property occurs, let alone where. So every path has a bound, a row that is `cut`
 * says in its place that the bound was reached, and {@link ListQuery.next} sends a way that was cut on, to its
 * next path and ten times as far. What is read is thus some multiple of what the best path would have read.
 */
export class ListQuery {
  readonly #values = new Values();
  readonly #ways: readonly (readonly Path[])[];
  readonly #conditions: string;
  readonly #marker: string;

  constructor(
    private readonly criteria: ImageCriteria,
    viewer: Viewer,
    private readonly firstBound = FIRST_BOUND,
  ) {
    const filters = filtersOf(criteria, this.#values);
    this.#conditions = filters.map(({ condition }) => ` AND ${condition}`).join('');
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
    this.#ways = waysOf(criteria, viewer, this.#values).map((way) => pathsOf(way, filters, after));
  }

  /** How to begin. */
  first(): ListPlan {
    const bound = this.#conditions ? this.firstBound : Math.max(PAGE_BOUND, this.criteria.limit);
    return this.#ways.map(() => ({ path: 0, bound }));
  }

  /** How to go on after what a plan brought; undefined when that is the page. */
  next(plan: ListPlan, rows: readonly ListRow[]): ListPlan | undefined {
    if (!rows.some(({ cut }) => cut)) return undefined;
    return plan.map(({ path, bound }, way) => {
      const ofWay = rows.filter((row) => row.way === way);
      if (!ofWay.some(({ cut }) => cut)) return { path, bound };
      const paths = this.#ways[way]!;
      const found = ofWay.filter(({ cut }) => !cut).length;
      const stays = paths[path]!.ordered && found * WORTH_GOING_ON >= bound;
      return { path: stays ? path : (path + 1) % paths.length, bound: bound * GROWTH };
    });
  }

  /**
   * The statement of a plan. The rows before the first that is cut are the beginning of the page; without one
   * they are the page.
   */
  statement(plan: ListPlan): Statement {
    const { common, pages } = this.#pages(plan);
    const text = `${common}
      SELECT id, version, name, status, visibility, hidden, owner, protected, size, min_disk AS "minDisk",
             min_ram AS "minRam", properties, created_at AS "createdAt", updated_at AS "updatedAt", (
        SELECT jsonb_agg(jsonb_build_object('member', member, 'status', share.status))
        FROM members share WHERE share.image_id = page.id
      ) AS members, way, cut
      FROM (${pages.join(' UNION ALL ')}) page
      ORDER BY created_at DESC, id DESC LIMIT ${this.criteria.limit}`;
    return { text, values: this.#values.all };
  }

  /**
   * What each way brings to the page. One image more than its bound is read: where a path in the order of lists
   * meets that, it is cut in that place. One in any other order has then found nothing that can be relied on: it
   * is cut before the first image there is, for what it did not find may be newer than all of the page.
   */
  #pages(plan: ListPlan): { common: string; pages: string[] } {
    const gathered = new Map<string, Gathered>();
    const pages = plan.map(({ path: number, bound }, way) => {
      const path = this.#ways[way]![number]!;
      return path.ordered
        ? this.#walked(path, bound, way)
        : this.#found(this.#gather(gathered, path, bound, way), bound, way);
    });
    const common = [...gathered.values()].map(
      ({ name, path, columns, most }) =>
        `${name} AS MATERIALIZED (${path.read(most, ['image.id', 'image.created_at', ...columns].join(', '))})`,
    );
    if (this.#marker) common.unshift(this.#marker);
    return { common: common.length === 0 ? '' : `WITH ${common.join(', ')}`, pages };
  }

  #walked({ read, check }: Path, bound: number, way: number): string {
    return `(
      SELECT image.id, image.created_at, ${COLUMNS}, ${way} AS way, image.count > ${bound} AS cut
      FROM (${read(bound + 1, '')}) image
      WHERE image.count > ${bound} OR ${check}${this.#conditions}
      ORDER BY created_at DESC, id DESC)`;
  }

  /** Ways that gather the same images do so once, and each notes which of these are its own. */
  #gather(gathered: Map<string, Gathered>, path: Path, bound: number, way: number): string {
    const most = bound + 1;
    const key = path.read(most, '');
    const { name, columns } = gathered.get(key) ?? { name: `gathered_${gathered.size}`, columns: [] };
    gathered.set(key, {
      name,
      path,
      most,
      columns: [...columns, `${path.check}${this.#conditions} AS of_${way}`],
    });
    return name;
  }

  /** Whole images are read when they are known to be on the page: what is gathered may be many thousands. */
  #found(gathered: string, bound: number, way: number): string {
    return `(
      SELECT image.id, place.created_at, ${COLUMNS}, ${way} AS way, place.cut
      FROM (
        SELECT id, CASE WHEN count > ${bound} THEN 'infinity' ELSE created_at END AS created_at, count > ${bound} AS cut
        FROM (SELECT id, created_at, of_${way} AS fits, count(*) OVER () AS count FROM ${gathered}) found
        WHERE fits OR count > ${bound}
        ORDER BY 2 DESC, id DESC LIMIT ${this.criteria.limit}
      ) place JOIN images image ON image.id = place.id
      ORDER BY place.created_at DESC, place.id DESC)`;
  }
}
