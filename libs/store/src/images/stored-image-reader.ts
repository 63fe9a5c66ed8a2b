import {
  CatalogueUnavailable,
  ImageNotFound,
  ImageProtected,
  MarkerNotFound,
  PROPERTY_QUOTA,
  PropertyNotFound,
  QuotaExceeded,
  VersionLost,
  canSee,
  isStorable,
  type Catalogue,
  type ChangeOptions,
  type Image,
  type ImageCriteria,
  type ImageName,
  type ImagePage,
  type ImageStatus,
  type MemberStatus,
  type PropertyChange,
  type Reading,
  type Viewer,
  type Visibility,
} from '@glimpse/domain';
import { changeStatement, deleteStatement, type DeletedRow, type PropertiesRow } from './change.js';
import { QUERY_DEADLINE, type Database } from '../connection/database.js';
import { ImagesById } from './images-by-id.js';
import { ListQuery, markerStatement, type ListPlan, type ListRow } from '../lists/list-query.js';
import { namesOfPrepared } from '../connection/prepared.js';
import { Semaphore, type SemaphoreOptions } from '../semaphore.js';
import type { Statement } from '../statement.js';
import { orUnavailable } from '../connection/unavailable.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The most characters of an image's name. */
const MAX_NAME = 255;

/** An image as Prisma or a statement reads it: pg leaves large numbers as text. */
interface ImageRow {
  readonly id: string;
  readonly version: bigint | string;
  readonly name: string | null;
  readonly status: string;
  readonly visibility: string;
  readonly hidden: boolean;
  readonly owner: string | null;
  readonly protected: boolean;
  readonly size: bigint | string | null;
  readonly minDisk: number;
  readonly minRam: number;
  readonly properties: unknown;
  readonly createdAt: Date;
  readonly updatedAt: Date | null;
  readonly members: readonly { readonly member: string; readonly status: string }[] | null;
}

/** The catalogue as it stands in PostgreSQL. */
export class StoredCatalogue implements Catalogue {
  readonly #byId: ImagesById;
  readonly #nameOfList = namesOfPrepared('list');
  readonly #lists: Semaphore;

  constructor(
    private readonly database: Database,
    /** Hears why the database could not be asked. */
    private readonly onUnavailable: (error: unknown) => void,
    /** Whether the database is known to be away: then nobody has to wait for it. */
    private readonly isAway: () => boolean = () => false,
  ) {
    this.#byId = new ImagesById(database);
    this.#lists = new Semaphore(listPermits(database.pool.options.max));
  }

  async image(id: string, viewer: Viewer): Promise<Reading<Image>> {
    return { source: 'fresh', value: await this.imageToChange(id, viewer) };
  }

  /** Nothing is kept here, so that this is how every image is read. */
  async imageToChange(id: string, viewer: Viewer): Promise<Image> {
    const key = stored(id);
    const row = await this.#ask(() => this.#byId.read(key));
    const image = row && imageOf(row);
    if (!image || !canSee(image, viewer)) throw new ImageNotFound(id);
    return image;
  }

  async images(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage>> {
    const page = await this.#list<ImageRow>(criteria, viewer, (query, plan) => query.statement(plan));
    return { source: 'fresh', value: { ...page, images: page.images.map(imageOf) } };
  }

  async imageNames(criteria: ImageCriteria, viewer: Viewer): Promise<Reading<ImagePage<ImageName>>> {
    const page = await this.#list<ImageName>(criteria, viewer, (query, plan) => query.namesStatement(plan));
    return { source: 'fresh', value: { ...page, images: page.images.map(({ id, name }) => ({ id, name })) } };
  }

  async changeProperties(
    id: string,
    change: PropertyChange,
    { version }: ChangeOptions = {},
  ): Promise<Readonly<Record<string, string>>> {
    const [row] = await this.#write<PropertiesRow>(changeStatement(stored(id), change, version));
    if (!row) throw new ImageNotFound(id);
    const { before, after } = row;
    if (change.kind === 'remove') {
      if (!Object.hasOwn(before, change.key)) throw new PropertyNotFound(change.key);
    } else if (Object.keys(after).length > PROPERTY_QUOTA) {
      throw new QuotaExceeded(PROPERTY_QUOTA);
    }
    if (version !== undefined && BigInt(row.version) !== version) throw new VersionLost();
    return after;
  }

  async deleteImage(id: string, { version }: ChangeOptions = {}): Promise<void> {
    const [row] = await this.#write<DeletedRow>(deleteStatement(stored(id), version));
    if (!row) throw new ImageNotFound(id);
    if (row.protected) throw new ImageProtected(id);
    if (version !== undefined && BigInt(row.version) !== version) throw new VersionLost();
  }

  /** Reads a page of a list: mostly one statement; where there are more, they have the time of one. */
  async #list<Row extends ImageName>(
    criteria: ImageCriteria,
    viewer: Viewer,
    statementOf: (query: ListQuery, plan: ListPlan) => Statement,
  ): Promise<{ images: (Row & ListRow)[]; truncated: boolean }> {
    const { marker, limit } = criteria;
    if (marker !== undefined && !UUID.test(marker)) throw new MarkerNotFound(marker);
    if (!canMatch(criteria)) return { images: [], truncated: false };
    const query = new ListQuery(criteria, viewer);
    let images: (Row & ListRow)[] = [];
    await this.#lists.run(async () => {
      const end = performance.now() + QUERY_DEADLINE;
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
    { text, values, name = this.#nameOfList(text) }: Statement,
    query_timeout: number = QUERY_DEADLINE,
  ): Promise<Row[]> {
    const kept = this.database.prepares ? name : '';
    const query = { name: kept, text, values: [...values], query_timeout };
    const { rows } = await this.#ask(() => this.database.pool.query<Row>(query));
    return rows;
  }

  #write<Row extends object>({ text, values, name = '' }: Statement): Promise<Row[]> {
    const query = { name: this.database.prepares ? name : '', text, values: [...values] };
    return this.#ask(() => this.database.write<Row>(query));
  }

  async #ask<T>(question: () => Promise<T>): Promise<T> {
    if (this.isAway()) throw new CatalogueUnavailable();
    return orUnavailable(question, this.onUnavailable);
  }
}

/**
 * Lists have most of the pool, one project's at most half of that: the rest is for single images and changes, and
 * for others.
 */
function listPermits(poolSize: number): SemaphoreOptions {
  const permits = Math.max(1, Math.floor((poolSize * 3) / 4));
  return { permits, permitsPerKey: Math.ceil(permits / 2), queueTimeoutMs: QUERY_DEADLINE };
}

/** An id as it is stored. PostgreSQL takes more spellings of a UUID than Nova does: those find nothing. */
function stored(id: string): string {
  if (!UUID.test(id)) throw new ImageNotFound(id);
  return id.toLowerCase();
}

/** Whether any image can fulfil criteria. Text that no name can have is not searched for: each letter costs. */
function canMatch({ names = [], search = '', properties = {} }: ImageCriteria): boolean {
  if ([...search].length > MAX_NAME) return false;
  return [search, ...names, ...Object.entries(properties).flat()].every(isStorable);
}

/** A row as the domain's image. */
export function imageOf(row: ImageRow): Image {
  return {
    id: row.id,
    version: BigInt(row.version),
    name: row.name,
    status: row.status as ImageStatus,
    visibility: row.visibility as Visibility,
    hidden: row.hidden,
    owner: row.owner,
    protected: row.protected,
    size: row.size === null ? null : Number(row.size),
    minDisk: row.minDisk,
    minRam: row.minRam,
    properties: row.properties as Record<string, string>,
    createdAt: row.createdAt,
    updatedAt: row.updatedAt,
    members: new Map(row.members?.map(({ member, status }) => [member, status as MemberStatus])),
  };
}
