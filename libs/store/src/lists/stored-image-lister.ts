import {
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
import { imageOf, type ImageRow } from '../images/image-columns.js';
import { Semaphore, type SemaphoreOptions } from '../semaphore.js';
import type { Statement } from '../statement.js';
import { ListQuery, markerStatement, type ListPlan, type ListRow } from './list-query.js';

/** The most characters of an image's name. */
const MAX_NAME = 255;

/** What the statement of names reads of an image. */
type NameRow = Pick<ImageRow, 'id' | 'shownId' | 'name'>;

/** Reads lists of images from PostgreSQL. */
export class StoredImageLister implements ImageLister {
  readonly #nameOf = namesOfPrepared('list');
  readonly #running: Semaphore;

  constructor(
    private readonly database: Pick<Database, 'pool' | 'prepares'>,
    private readonly availability: Availability = {},
  ) {
    this.#running = new Semaphore(listPermits(database.pool.options.max));
  }

  async images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<Image>>> {
    const page = await this.#page<ImageRow>(criteria, viewer, (query, plan) => query.statement(plan));
    return { source: 'fresh', value: { ...page, images: page.images.map(imageOf) } };
  }

  async imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    const page = await this.#page<NameRow>(criteria, viewer, (query, plan) => query.namesStatement(plan));
    const images = page.images.map(({ id, shownId, name }) => ({ id, shownId: shownId ?? id, name }));
    return { source: 'fresh', value: { ...page, images } };
  }

  /** Reads a page, mostly with one statement; several have the time limit of one. */
  async #page<Row extends NameRow>(
    criteria: ImageCriteria,
    viewer: Viewer,
    statementOf: (query: ListQuery, plan: ListPlan) => Statement,
  ): Promise<{ images: (Row & ListRow)[]; truncated: boolean }> {
    const { marker, limit } = criteria;
    if (marker !== undefined && !isUuid(marker)) throw new MarkerNotFound(marker);
    if (!canMatch(criteria)) return { images: [], truncated: false };
    const query = new ListQuery(criteria, viewer);
    let images: (Row & ListRow)[] = [];
    await this.#running.run(async () => {
      const end = performance.now() + QUERY_TIMEOUT_MS;
      for (let plan: ListPlan | undefined = query.first(); plan?.length; plan = query.next(plan, images)) {
        images = await this.#query(statementOf(query, plan), Math.max(Math.ceil(end - performance.now()), 1));
      }
    }, viewer.project ?? '');
    if (images.length === 0 && marker !== undefined) {
      const found = await this.#query(markerStatement(marker, viewer));
      if (found.length === 0) throw new MarkerNotFound(marker);
    }
    return { images, truncated: images.length < limit && (images.at(-1)?.followed ?? false) };
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

/**
 * Lists have most of the pool, and those of one project at most half of that: the rest is for single images and
 * changes, and for other projects.
 */
function listPermits(poolSize: number): SemaphoreOptions {
  const permits = Math.max(1, Math.floor((poolSize * 3) / 4));
  return { permits, permitsPerKey: Math.ceil(permits / 2), queueTimeoutMs: QUERY_TIMEOUT_MS };
}

/** Whether any image can match. Text that no name can have is not searched for, as each letter costs. */
function canMatch({ names = [], search = '', properties = {} }: ImageCriteria): boolean {
  if ([...search].length > MAX_NAME) return false;
  return [search, ...names, ...Object.entries(properties).flat()].every(isStorable);
}
