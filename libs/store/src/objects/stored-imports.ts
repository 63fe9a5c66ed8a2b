import { storedIdOf } from '../images/image-id.js';
import {
  BEAT_IMPORT,
  BEGIN_IMPORT,
  DELETE_FROM_STORE,
  SETTLE_IMPORT,
  STAGED_OBJECT,
} from './import-statements.js';
import type { ObjectStatements } from './object-statements.js';

/** An import that copies the data of an image to stores. */
export interface ImageImport {
  readonly image: string;
  readonly id: string;
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

/** The imports that copy data to stores. All methods throw `CatalogueUnavailable`. */
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
   * Begins an import.
   *
   * @param quota the bytes that the project may have; undefined: any number
   * @returns undefined: the image has another status or import, or a store has its data; `begun` is false where the
   *   quota has only `remaining` bytes left
   */
  async begin(
    { image, id, status, stores, objects }: NewImport,
    quota: number | undefined,
  ): Promise<{ begun: boolean; remaining: number } | undefined> {
    const [row] = await this.statements.run<{ begun: boolean; remaining: string | null }>(
      'begin import',
      BEGIN_IMPORT,
      [
        ...[storedIdOf(image), id, objects.map((object) => object.id)],
        ...[objects.map(({ store }) => store), objects.map(({ bytes }) => bytes)],
        ...[quota ?? null, status, stores],
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
    { live = [], done = [], failed = [], ends = false, dropsStaged = false, size }: ImportStep,
  ): Promise<boolean> {
    const values = [storedIdOf(image), id, live, failed, ends, size, done, dropsStaged];
    return this.statements.change(image, 'settle import', SETTLE_IMPORT, values);
  }

  /** Removes the data of an active image from a store; false if it does not have it, or no other store has it. */
  async deleteFromStore(image: string, store: string): Promise<boolean> {
    return this.statements.change(image, 'delete from a store', DELETE_FROM_STORE, [
      storedIdOf(image),
      store,
    ]);
  }
}
