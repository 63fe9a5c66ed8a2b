import type pg from 'pg';
import type { Database } from '../connection/database.js';
import { orUnavailable } from '../connection/unavailable.js';
import {
  ADD_LISTED,
  BEGIN_CHECK,
  BEGIN_LIST,
  DELETED_IMAGES,
  DOOM_OBJECT,
  END_OF_LIST,
  LOCK_USAGE,
  MISSING,
  ORPHANS,
  QUEUE_IMAGE,
  RECORD_CHECK,
  RECOUNT_USAGE,
  SHOW_STORES,
  STRAY_OBJECTS,
  UNKNOWN_STORES,
  WAITING_IMAGES,
  WITHOUT_DATA,
  WRONGLY_SHOWN,
  WRONG_USAGE,
} from './check-statements.js';

/** The rows that are fetched at a time. */
const FETCHED_ROWS = 1_000;

/** An object as the store lists it. */
export interface FoundObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** An object that the store lacks, or has with another size. */
export interface MissingObject {
  readonly id: string;
  readonly image: string;
  readonly bytes: string;
  /** Bytes in the store; null: it has no such object. */
  readonly found: string | null;
}

/** Objects of a store that is not configured. */
export interface UnknownStoreObjects {
  /** Null: the first store of the catalogue, while it has no name. */
  readonly store: string | null;
  readonly count: number;
  /** The image of one of them. */
  readonly image: string;
}

/** An object of the store that the catalogue does not name. */
export interface Orphan {
  readonly id: string;
  readonly bytes: string;
  readonly modifiedAt: Date;
}

/** An image that waits for an upload that nothing receives. */
export interface WaitingImage {
  readonly image: string;
  readonly status: string;
  readonly upload: string | null;
}

/** An object that its image does not have as its data. */
export interface StrayObject {
  readonly id: string;
  readonly image: string;
  readonly state: string;
  /** The image's; null: there is no such image. */
  readonly status: string | null;
}

/** An image whose document names other stores than those that have its data, each as names with commas. */
export interface WronglyShown {
  readonly image: string;
  readonly shown: string;
  readonly stored: string;
}

/** The usage of a project that is not the sum of its objects. */
export interface WrongUsage {
  readonly project: string;
  readonly noted: string;
  readonly sum: string;
}

/**
 * Compares the objects of stores with the catalogue, in temporary tables of one connection: of a million objects, none
 * is kept in the memory of this process. All methods throw `DatabaseUnavailable`.
 */
export class StoredObjectCheck {
  private constructor(
    private readonly database: Database,
    private readonly client: pg.PoolClient,
  ) {}

  /** Begins a check, before the first store is listed. */
  static async begin(database: Database): Promise<StoredObjectCheck> {
    const client = await orUnavailable(() => database.pool.connect());
    await orUnavailable(() => client.query(BEGIN_CHECK));
    return new StoredObjectCheck(database, client);
  }

  /** Begins the list of a store, after what was found of the one before. */
  async beginList(): Promise<void> {
    await this.#query(BEGIN_LIST);
  }

  /** Adds objects that the store has. */
  async add(objects: readonly FoundObject[]): Promise<void> {
    const columns = [
      objects.map(({ key }) => key),
      objects.map(({ bytes }) => bytes),
      objects.map(({ modifiedAt }) => modifiedAt.toISOString()),
    ];
    await this.#query(ADD_LISTED, columns);
  }

  /** Ends the list of the store. */
  async listed(): Promise<void> {
    await this.#query(END_OF_LIST);
  }

  /** @param store the one that was listed; undefined where the only one has no name */
  missing(store?: string): AsyncGenerator<MissingObject> {
    return this.#rows(MISSING, [store ?? null]);
  }

  /** @param before only those that were written before that time */
  orphans(store?: string, before?: Date): AsyncGenerator<Orphan> {
    return this.#rows(ORPHANS, [store ?? null, before?.toISOString() ?? null]);
  }

  /** Images whose documents name other stores than those that have their data. */
  wronglyShown(): AsyncGenerator<WronglyShown> {
    return this.#rows(WRONGLY_SHOWN);
  }

  /** Objects of stores that are none of these. */
  ofUnknownStores(stores: readonly (string | undefined)[]): AsyncGenerator<UnknownStoreObjects> {
    return this.#rows(UNKNOWN_STORES, [stores.map((store) => store ?? null)]);
  }

  waitingImages(): AsyncGenerator<WaitingImage> {
    return this.#rows(WAITING_IMAGES);
  }

  /** Objects of deleted images. */
  ofDeletedImages(): AsyncGenerator<{ id: string; image: string }> {
    return this.#rows(DELETED_IMAGES);
  }

  strayObjects(): AsyncGenerator<StrayObject> {
    return this.#rows(STRAY_OBJECTS);
  }

  wrongUsage(): AsyncGenerator<WrongUsage> {
    return this.#rows(WRONG_USAGE);
  }

  /** The number of active images that never had data here, and the id of one. */
  async withoutData(): Promise<{ count: number; example: string | null }> {
    const [row] = await this.#query<{ count: number; example: string | null }>(WITHOUT_DATA);
    return row!;
  }

  /** Lets an image wait for data again. @returns its status; undefined if it has an upload by now */
  async queue({ image, upload }: WaitingImage): Promise<string | undefined> {
    const [row] = await this.#change<{ status: string }>(QUEUE_IMAGE, [image, upload]);
    return row?.status;
  }

  /** Has the document of an image name the stores that have its data. */
  async showStores(image: string): Promise<void> {
    await this.#change(SHOW_STORES, [image]);
  }

  /** Has the bytes of an object deleted. */
  async doom(id: string): Promise<void> {
    await this.#change(DOOM_OBJECT, [id]);
  }

  /** Sets the usage of a project to the sum of its objects. */
  async recount(project: string): Promise<void> {
    await orUnavailable(() =>
      this.database.transaction(async (client) => {
        await client.query(LOCK_USAGE, [project]);
        await client.query(RECOUNT_USAGE, [project]);
      }),
    );
  }

  /** Records what the check has found, for replicas to expose. @param findings those that are left, by kind */
  async record(findings: Readonly<Record<string, number>>): Promise<void> {
    await this.#change(RECORD_CHECK, [JSON.stringify(findings)]);
  }

  /** Ends the check, and its temporary tables with their connection. */
  end(): void {
    this.client.release(true);
  }

  async *#rows<Row extends object>(text: string, values: unknown[] = []): AsyncGenerator<Row> {
    await this.#query('BEGIN');
    try {
      await this.#query(`DECLARE found NO SCROLL CURSOR FOR ${text}`, values);
      for (;;) {
        const rows = await this.#query<Row>(`FETCH ${FETCHED_ROWS} FROM found`);
        yield* rows;
        if (rows.length < FETCHED_ROWS) return;
      }
    } finally {
      await this.client.query('ROLLBACK').catch(() => undefined);
    }
  }

  async #query<Row extends object>(text: string, values?: unknown[]): Promise<Row[]> {
    return (await orUnavailable(() => this.client.query<Row>(text, values))).rows;
  }

  #change<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    return orUnavailable(() => this.database.write<Row>({ text, values }));
  }
}
