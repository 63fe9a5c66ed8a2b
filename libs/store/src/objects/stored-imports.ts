import { storedIdOf } from '../images/image-id.js';
import {
  BEAT_IMPORT,
  BEGIN_IMPORT,
  DELETE_FROM_STORE,
  IMPORTS_OF_IMAGE,
  IMPORT_STAGED,
  SETTLE_IMPORT,
  STAGED_OBJECT,
  SWEEP_IMPORTS,
} from './import-statements.js';
import type { ObjectStatements } from './object-statements.js';

/** An import that copies the data of an image to stores. */
export interface ImageImport {
  readonly image: string;
  readonly id: string;
}

/** The request that an import is made for. */
export interface ImportRequester {
  /** The project of the caller; null: it has none. */
  readonly project: string | null;
  readonly userId: string;
  readonly requestId: string;
  /** What the body of the request says, as JSON. */
  readonly request: object;
}

/** An import, as it is known until two days after its end. Times are in UTC, as Python writes them. */
export interface ImportRecord extends ImportRequester {
  readonly id: string;
  readonly stores: readonly string[];
  /** Of the data. */
  readonly bytes: number;
  readonly begunAt: string;
  /** Null while it runs. */
  readonly endedAt: string | null;
  readonly expiresAt: string | null;
  /** Why it has failed; null: it has not. */
  readonly failure: string | null;
}

/** An object that an import writes. */
export interface ImportedObject {
  readonly id: string;
  readonly store: string;
  /** To reserve in the quota. */
  readonly bytes: number;
}

/** What an import begins with. */
export interface NewImport extends ImageImport {
  /** The status that the image must have: with `uploading` it becomes `importing`. */
  readonly status: 'uploading' | 'active';
  /** The stores to import to. */
  readonly stores: readonly string[];
  /** Those that are to be written. */
  readonly objects: readonly ImportedObject[];
  /** Bytes of the data. */
  readonly size: number;
  readonly requester: ImportRequester;
}

/** A step of an import. */
export interface ImportStep {
  /** The objects that become data of the image, staged ones included. */
  readonly live?: readonly string[];
  /** Stores that have their object, which becomes data of the image later. */
  readonly done?: readonly string[];
  readonly failed?: readonly string[];
  /** Whether the import ends. */
  readonly ends?: boolean;
  /** Why it has failed; undefined: it has not. */
  readonly failure?: string | undefined;
  /** Whether an image that has no data at the end loses its staged data, too, and is `queued` again. */
  readonly dropsStaged?: boolean;
  /** Bytes of the data. */
  readonly size: number;
}

/** The data of an image that waits for an import. */
export interface StagedObject {
  readonly id: string;
  /** Null while the first store of the catalogue has no name. */
  readonly store: string | null;
  readonly size: number;
  readonly hash: string;
}

/** The imports of image data. All methods throw `CatalogueUnavailable`. */
export class StoredImports {
  constructor(private readonly statements: ObjectStatements) {}

  /** The data of an image that waits for an import; undefined if it has none. */
  async staged(image: string): Promise<StagedObject | undefined> {
    const [row] = await this.statements.run<Omit<StagedObject, 'size'> & { bytes: string }>(
      'staged data',
      STAGED_OBJECT,
      [storedIdOf(image)],
    );
    return row && { id: row.id, store: row.store, hash: row.hash, size: Number(row.bytes) };
  }

  /**
   * Makes an image active with its staged data; false if it has none.
   *
   * @param store the one of the staged data; `hasName`: whether documents show it
   */
  async importStaged(
    { image, id }: ImageImport,
    store: { readonly name: string; readonly hasName: boolean },
    requester: ImportRequester,
  ): Promise<boolean> {
    return this.statements.change(image, 'import staged data', IMPORT_STAGED, [
      ...[storedIdOf(image), id, store.hasName ? store.name : null, store.name],
      ...valuesOf(requester),
    ]);
  }

  /**
   * Begins an import that copies data to stores.
   *
   * @param quota the bytes that the project may have; undefined: any number
   * @returns undefined: the image has another status or import, or a store has its data; `begun` is false where the
   *   quota has only `remaining` bytes left
   */
  async begin(
    { image, id, status, stores, objects, size, requester }: NewImport,
    quota: number | undefined,
  ): Promise<{ begun: boolean; remaining: number } | undefined> {
    const [row] = await this.statements.run<{ begun: boolean; remaining: string | null }>(
      'begin import',
      BEGIN_IMPORT,
      [
        ...[storedIdOf(image), id, objects.map((object) => object.id)],
        ...[objects.map(({ store }) => store), objects.map(({ bytes }) => bytes)],
        ...[quota ?? null, status, stores, size, ...valuesOf(requester)],
      ],
    );
    if (row?.begun) this.statements.onChanged([storedIdOf(image)]);
    return row && { begun: row.begun, remaining: Number(row.remaining) };
  }

  /** Shows that the writer lives; false if the objects are not to be written any more. */
  async beat({ image, id }: ImageImport): Promise<boolean> {
    return (await this.statements.run('beat of an import', BEAT_IMPORT, [storedIdOf(image), id])).length > 0;
  }

  /** Makes a step of an import; false if the image has no such import any more. */
  async settle(
    { image, id }: ImageImport,
    { live = [], done = [], failed = [], ends = false, dropsStaged = false, failure, size }: ImportStep,
  ): Promise<boolean> {
    const values = [storedIdOf(image), id, live, failed, ends, size, done, dropsStaged, failure ?? null];
    return this.statements.change(image, 'settle import', SETTLE_IMPORT, values);
  }

  /** Removes the data of an active image from a store; false if it does not have it, or no other store has it. */
  async deleteFromStore(image: string, store: string): Promise<boolean> {
    return this.statements.change(image, 'delete from a store', DELETE_FROM_STORE, [
      storedIdOf(image),
      store,
    ]);
  }

  /** The imports of an image that run, or have ended less than two days ago, in the order of their beginning. */
  async ofImage(image: string): Promise<ImportRecord[]> {
    const rows = await this.statements.run<Omit<ImportRecord, 'bytes'> & { bytes: string }>(
      'imports of an image',
      IMPORTS_OF_IMAGE,
      [storedIdOf(image)],
    );
    return rows.map(({ bytes, ...row }) => ({ ...row, bytes: Number(bytes) }));
  }

  /** Forgets imports that ended two days ago, and ends those that were interrupted. */
  async sweep(): Promise<void> {
    await this.statements.run('sweep of imports', SWEEP_IMPORTS, []);
  }
}

const valuesOf = ({ project, userId, requestId, request }: ImportRequester): unknown[] => [
  ...[project, userId, requestId, JSON.stringify(request)],
];
