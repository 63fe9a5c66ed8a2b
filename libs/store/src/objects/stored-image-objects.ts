import type { OnImagesChanged } from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import type { Availability } from '../connection/unavailable.js';
import { storedIdOf } from '../images/image-id.js';
import { LAST_CHECK } from './check-statements.js';
import { ObjectStatements } from './object-statements.js';
import { StoredImports } from './stored-imports.js';
import {
  ACTIVATE,
  BEAT,
  BEGIN_UPLOAD,
  CATALOGUE_ID,
  COUNT_DOOMED,
  DOOMED,
  GIVE_UP,
  HAS_OBJECTS,
  LIVE_OBJECTS,
  NAME_FIRST_STORE,
  NAME_STORES,
  RESERVE,
  STAGE,
  STATE,
  SWEPT,
  WRITING,
} from './statements.js';

/** An upload: the image, and the upload's own id, which is the key of its object in the store. */
export interface Upload {
  readonly image: string;
  readonly id: string;
  /** The store of its object; undefined where the only store has no name. */
  readonly store?: string | undefined;
}

/** An object with the data of an image. */
export interface LiveObject {
  readonly id: string;
  readonly size: number;
  /** The position of its store in the list that was given; undefined: another store. */
  readonly place: number | undefined;
}

/** What the stores of a catalogue have in common. */
export interface CatalogueIdentity {
  readonly id: string;
  /** The name of the store that the catalogue had before it had several; null while no store has a name. */
  readonly firstStore: string | null;
}

/** `staged`: written, and not imported yet; `live`: the data of its image; `doomed`: its bytes are to be deleted. */
export type ObjectState = 'writing' | 'staged' | 'live' | 'doomed';

/** What an image is made of, once its data is stored. */
export interface StoredData {
  readonly size: number;
  /** MD5, hexadecimal. */
  readonly checksum: string;
  /** SHA-512, hexadecimal. */
  readonly hash: string;
  /** Bytes of the disk; null where they are not known. */
  readonly virtualSize: number | null;
}

/** The last check of the stores. */
export interface LastCheck {
  /** Those that it left, by kind. */
  readonly findings: Readonly<Record<string, number>>;
  /** Seconds since its end. */
  readonly age: number;
}

/** An object that is being written, and how often its writer has shown that it lives. */
export interface Writing {
  readonly image: string;
  readonly id: string;
  readonly store: string | null;
  /** The import that copies it; null: it is uploaded. */
  readonly importId: string | null;
  readonly beat: string;
}

/** The bytes of an upload that are to be reserved in the usage of its project. */
export interface Reservation {
  readonly bytes: number;
  /** Fewer are reserved where the quota has no more left, but not fewer than these. */
  readonly least: number;
  /** The bytes that a project may have; undefined: any number. */
  readonly quota: number | undefined;
}

/** What was reserved; no `bytes`: nothing, since the quota has only `remaining` bytes left. */
export interface Reserved {
  readonly bytes: number | null;
  /** Null where there is no quota. */
  readonly remaining: number | null;
}

interface ReservedRow {
  readonly bytes: string | null;
  readonly remaining: string | null;
}

/** The objects whose store is named in one statement. */
const NAMED_AT_ONCE = 500;

/**
 * Which objects the stores of image data have, and for which images. All methods throw `CatalogueUnavailable`. Where a
 * store is undefined it is the only one, which has no name.
 */
export class StoredImageObjects {
  /** Imports of staged data, and copies of data in further stores. */
  readonly imports: StoredImports;
  private readonly statements: ObjectStatements;

  constructor(
    database: Database,
    availability: Availability = {},
    onChanged: OnImagesChanged = () => undefined,
  ) {
    this.statements = new ObjectStatements(database, availability, onChanged);
    this.imports = new StoredImports(this.statements);
  }

  /**
   * Begins an upload, unless the quota has too few bytes left; undefined if the image waits for no data.
   *
   * @param status the image's, while the upload runs: `uploading` if the data is to be staged
   */
  async begin(
    { image, id, store }: Upload,
    status: 'saving' | 'uploading',
    { bytes, least, quota }: Reservation,
  ): Promise<Reserved | undefined> {
    const values = [storedIdOf(image), id, status, bytes, least, quota ?? null, store ?? null];
    const [row] = await this.statements.run<ReservedRow>('begin upload', BEGIN_UPLOAD, values);
    const reserved = row && reservedOf(row);
    if (reserved && reserved.bytes !== null) this.statements.onChanged([storedIdOf(image)]);
    return reserved;
  }

  /**
   * Reserves more bytes for an upload, as many as the quota has left.
   *
   * @returns all that is reserved for it; undefined if the object is not to be written any more
   */
  async reserve(id: string, bytes: number, quota: number): Promise<Reserved | undefined> {
    const [row] = await this.statements.run<ReservedRow>('reserve bytes', RESERVE, [id, bytes, quota]);
    return row && reservedOf(row);
  }

  /** Shows that the writer lives; false if the object is not to be written any more. */
  async beat(id: string): Promise<boolean> {
    return (await this.statements.run('beat of an upload', BEAT, [id])).length > 0;
  }

  /** Makes the image active; false if it does not wait for this upload any more. */
  async activate(upload: Upload, data: StoredData): Promise<boolean> {
    return this.statements.change(upload.image, 'activate image', ACTIVATE, [
      ...valuesOf(upload, data),
      upload.store ?? null,
    ]);
  }

  /** Keeps the data until the image is imported; false if the image does not wait for this upload any more. */
  async stage(upload: Upload, data: StoredData): Promise<boolean> {
    return this.statements.change(upload.image, 'stage data', STAGE, valuesOf(upload, data));
  }

  /** Gives up an upload that is not complete; false if it is, or was given up before. */
  async giveUp({ image, id }: Pick<Upload, 'image' | 'id'>): Promise<boolean> {
    return this.statements.change(image, 'give up upload', GIVE_UP, [storedIdOf(image), id]);
  }

  /** The state of an object; undefined once its bytes are gone. */
  async stateOf(id: string): Promise<ObjectState | undefined> {
    const [row] = await this.statements.run<{ state: ObjectState }>('state of an object', STATE, [id]);
    return row?.state;
  }

  /** The objects with the data of an image, those of the given stores first and in their order. */
  async live(image: string, stores: readonly (string | undefined)[] = [undefined]): Promise<LiveObject[]> {
    const rows = await this.statements.run<{ id: string; bytes: string; place: number | null }>(
      'data of an image',
      LIVE_OBJECTS,
      [storedIdOf(image), stores.map((store) => store ?? null)],
    );
    return rows.map(({ id, bytes, place }) => ({
      ...{ id, size: Number(bytes) },
      place: place === null ? undefined : place - 1,
    }));
  }

  /** The objects that are being written. */
  writing(): Promise<Writing[]> {
    return this.statements.run('objects being written', WRITING, []);
  }

  /** Some of the objects of a store whose bytes are to be deleted now. */
  async doomed(store?: string): Promise<string[]> {
    return (await this.statements.run<{ id: string }>('doomed objects', DOOMED, [store ?? null])).map(
      ({ id }) => id,
    );
  }

  /** The number of objects of a store whose bytes are to be deleted now, up to 10,000. */
  async countDoomed(store?: string): Promise<number> {
    const [row] = await this.statements.run<{ count: number }>('count of doomed objects', COUNT_DOOMED, [
      store ?? null,
    ]);
    return row!.count;
  }

  /** Notes that the bytes of a doomed object were deleted. */
  async swept(id: string): Promise<void> {
    await this.statements.run('object swept', SWEPT, [id]);
  }

  /** What the stores of the catalogue have in common. */
  async identity(): Promise<CatalogueIdentity> {
    const [row] = await this.statements.run<CatalogueIdentity>('catalogue id', CATALOGUE_ID, []);
    return row!;
  }

  /** Names the store that the catalogue had before it had several, if it has no name yet. */
  async nameFirstStore(name: string): Promise<void> {
    await this.statements.run('name of the first store', NAME_FIRST_STORE, [name]);
  }

  /** Names the store of objects that have none, and shows it in the documents of their images. */
  async nameStores(): Promise<void> {
    for (let after = '00000000-0000-0000-0000-000000000000'; ;) {
      const rows = await this.statements.run<{ id: string; image: string }>('names of stores', NAME_STORES, [
        after,
        NAMED_AT_ONCE,
      ]);
      if (rows.length > 0) this.statements.onChanged(rows.map(({ image }) => image));
      if (rows.length < NAMED_AT_ONCE) return;
      after = rows.at(-1)!.id;
    }
  }

  /** The last check of the stores; undefined if there was none. */
  async lastCheck(): Promise<LastCheck | undefined> {
    return (await this.statements.run<LastCheck>('last check', LAST_CHECK, []))[0];
  }

  /** Whether the catalogue has objects in a store. */
  async hasObjects(store?: string): Promise<boolean> {
    const [row] = await this.statements.run<{ found: boolean }>('objects at all', HAS_OBJECTS, [
      store ?? null,
    ]);
    return row!.found;
  }
}

function reservedOf({ bytes, remaining }: ReservedRow): Reserved {
  return {
    bytes: bytes === null ? null : Number(bytes),
    remaining: remaining === null ? null : Number(remaining),
  };
}

function valuesOf({ image, id }: Upload, { size, checksum, hash, virtualSize }: StoredData): unknown[] {
  return [storedIdOf(image), id, size, checksum, hash, virtualSize];
}
