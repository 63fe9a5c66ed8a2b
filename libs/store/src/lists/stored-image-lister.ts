import {
  ListTimeout,
  MarkerNotFound,
  isStorable,
  isUuid,
  type Image,
  type ImageCriteria,
  type ImageLister,
  type ImageName,
  type ImagePage,
  type Reading,
  type Viewer,
} from '@glimpse/domain';
import { QUERY_TIMEOUT_MS, type Database } from '../connection/database.js';
import { namesOfPrepared } from '../connection/prepared.js';
import { orUnavailable, type Availability } from '../connection/unavailable.js';
import { listedImageOf, type ImageRow } from '../images/image-columns.js';
import { isSorted, sortedListStatement } from './sorted-list.js';
import type { Statement } from '../statement.js';
import { ListQuery, markerStatement, type ListPlan, type ListRow } from './list-query.js';

/** The most characters of an image's name. */
const MAX_NAME = 255;

/** What the statement of names reads of an image. */
type NameRow = Pick<ImageRow, 'id' | 'shownId' | 'name'>;

/** The SQLSTATE of a statement that its time limit ended. */
const QUERY_CANCELED = '57014';
/** How much longer than PostgreSQL's own time limit the response to a statement may take. */
const GRACE_MS = 500;

/** Reads lists of images from PostgreSQL. */
export class StoredImageLister implements ImageLister {
  readonly #nameOf = namesOfPrepared('list');

  constructor(
    private readonly database: Pick<Database, 'pool' | 'prepares'>,
    private readonly availability: Availability = {},
  ) {}

  async images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<Image>>> {
    const page = await this.#page<ImageRow>(criteria, viewer, () =>
      isSorted(criteria)
        ? this.#sorted(criteria, viewer)
        : this.#newest(criteria, viewer, (query, plan) => query.statement(plan)),
    );
    return { source: 'fresh', value: { ...page, images: page.images.map(listedImageOf) } };
  }

  async imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    const page = await this.#page<NameRow>(criteria, viewer, () =>
      isSorted(criteria)
        ? this.#sorted(criteria, viewer)
        : this.#newest(criteria, viewer, (query, plan) => query.namesStatement(plan)),
    );
    const images = page.images.map(({ id, shownId, name }) => ({ id, shownId: shownId ?? id, name }));
    return { source: 'fresh', value: { ...page, images } };
  }

  async #page<Row extends NameRow>(
    criteria: ImageCriteria,
    viewer: Viewer,
    read: () => Promise<(Row & ListRow)[]>,
  ): Promise<{ images: (Row & ListRow)[]; truncated: boolean }> {
    const { marker, limit } = criteria;
    if (marker !== undefined && !isUuid(marker)) throw new MarkerNotFound(marker);
    const images = limit > 0 && canMatch(criteria) ? await read() : [];
    if (images.length === 0 && marker !== undefined) {
      const found = await this.#query(markerStatement(marker, viewer));
      if (found.length === 0) throw new MarkerNotFound(marker);
    }
    return { images, truncated: images.length < limit && (images.at(-1)?.followed ?? false) };
  }

  /** Reads the newest images, mostly with one statement; several have the time limit of one. */
  async #newest<Row extends NameRow>(
    criteria: ImageCriteria,
    viewer: Viewer,
    statementOf: (query: ListQuery, plan: ListPlan) => Statement,
  ): Promise<(Row & ListRow)[]> {
    const query = new ListQuery(criteria, viewer);
    let images: (Row & ListRow)[] = [];
    const end = performance.now() + QUERY_TIMEOUT_MS;
    for (let plan: ListPlan | undefined = query.first(); plan?.length; plan = query.next(plan, images)) {
      images = await this.#query(statementOf(query, plan), Math.max(Math.ceil(end - performance.now()), 1));
    }
    return images;
  }

  /** @throws {ListTimeout} */
  async #sorted<Row extends NameRow>(criteria: ImageCriteria, viewer: Viewer): Promise<(Row & ListRow)[]> {
    const statement = sortedListStatement(criteria, viewer);
    if (!statement) return [];
    const { text, values } = statement;
    // PostgreSQL ends it at this time limit; if no response arrives even then, PostgreSQL is unavailable.
    const query_timeout = QUERY_TIMEOUT_MS + GRACE_MS;
    return orUnavailable(async () => {
      try {
        const query = { text, values: [...values], query_timeout };
        const { rows } = await this.database.pool.query<Row & ListRow>(query);
        return rows;
      } catch (error) {
        if ((error as { code?: string }).code === QUERY_CANCELED) throw new ListTimeout(QUERY_TIMEOUT_MS);
        throw error;
      }
    }, this.availability);
  }

  async #query<Row extends object>(
    { text, values, name = this.#nameOf(text) }: Statement,
    query_timeout: number = QUERY_TIMEOUT_MS,
  ): Promise<Row[]> {
    const query = { name: this.database.prepares ? name : '', text, values: [...values], query_timeout };
    const { rows } = await orUnavailable(() => this.database.pool.query<Row>(query), this.availability);
    return rows;
  }
}

/** Whether any image can match. Text that no name can have is not searched for, as each letter costs. */
function canMatch(criteria: ImageCriteria): boolean {
  const { search = '', owner = '', checksum = '', hashAlgorithm = '', hashValue = '' } = criteria;
  const { tags = [], properties = {} } = criteria;
  if ([...search].length > MAX_NAME) return false;
  const texts = [search, owner, checksum, hashAlgorithm, hashValue];
  return [...texts, ...tags, ...Object.entries(properties).flat()].every(isStorable);
}
