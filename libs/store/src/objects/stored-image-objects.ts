import type { OnImagesChanged } from '@glimpse/domain';
import type { Database } from '../connection/database.js';
import type { Availability } from '../connection/unavailable.js';
import { write } from '../connection/write.js';
import { storedIdOf } from '../images/image-id.js';
import {
  ACTIVATE,
  BEAT,
  BEGIN_UPLOAD,
  CATALOGUE_ID,
  COUNT_DOOMED,
  DOOMED,
  GIVE_UP,
  HAS_OBJECTS,
  IMPORT_STAGED,
  LIVE_OBJECT,
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

/** An object that is being written, and how often its writer has shown that it lives. */
export interface Writing extends Upload {
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

/** Which objects a store of image data has, and for which images. All methods throw `CatalogueUnavailable`. */
export class StoredImageObjects {
  constructor(
    private readonly database: Database,
    private readonly availability: Availability = {},
    private readonly onChanged: OnImagesChanged = () => undefined,
  ) {}

  /**
   * Begins an upload, unless the quota has too few bytes left; undefined if the image waits for no data.
   *
   * @param status the image's, while the upload runs: `uploading` if the data is to be staged
   */
  async begin(
    { image, id }: Upload,
    status: 'saving' | 'uploading',
    { bytes, least, quota }: Reservation,
  ): Promise<Reserved | undefined> {
    const values = [storedIdOf(image), id, status, bytes, least, quota ?? null];
    const [row] = await this.#run<ReservedRow>('begin upload', BEGIN_UPLOAD, values);
    const reserved = row && reservedOf(row);
    if (reserved && reserved.bytes !== null) this.onChanged([storedIdOf(image)]);
    return reserved;
  }

  /**
   * Reserves more bytes for an upload, as many as the quota has left.
   *
   * @returns all that is reserved for it; undefined if the object is not to be written any more
   */
  async reserve(id: string, bytes: number, quota: number): Promise<Reserved | undefined> {
    const [row] = await this.#run<ReservedRow>('reserve bytes', RESERVE, [id, bytes, quota]);
    return row && reservedOf(row);
  }

  /** Shows that the writer lives; false if the object is not to be written any more. */
  async beat(id: string): Promise<boolean> {
    return (await this.#run('beat of an upload', BEAT, [id])).length > 0;
  }

  /** Makes the image active; false if it does not wait for this upload any more. */
  async activate(upload: Upload, data: StoredData): Promise<boolean> {
    return this.#change(upload.image, 'activate image', ACTIVATE, valuesOf(upload, data));
  }

  /** Keeps the data until the image is imported; false if the image does not wait for this upload any more. */
  async stage(upload: Upload, data: StoredData): Promise<boolean> {
    return this.#change(upload.image, 'stage data', STAGE, valuesOf(upload, data));
  }

  /** Makes the image active with its staged data; false if it has none. */
  async importStaged(image: string): Promise<boolean> {
    return this.#change(image, 'import staged data', IMPORT_STAGED, [storedIdOf(image)]);
  }

  /** Gives up an upload that is not complete; false if it is, or was given up before. */
  async giveUp({ image, id }: Upload): Promise<boolean> {
    return this.#change(image, 'give up upload', GIVE_UP, [storedIdOf(image), id]);
  }

  /** The state of an object; undefined once its bytes are gone. */
  async stateOf(id: string): Promise<ObjectState | undefined> {
    const [row] = await this.#run<{ state: ObjectState }>('state of an object', STATE, [id]);
    return row?.state;
  }

  /** The object with the data of an image. */
  async live(image: string): Promise<{ id: string; size: number } | undefined> {
    const values = [storedIdOf(image)];
    const [row] = await this.#run<{ id: string; bytes: string }>('data of an image', LIVE_OBJECT, values);
    return row && { id: row.id, size: Number(row.bytes) };
  }

  /** The objects that are being written. */
  writing(): Promise<Writing[]> {
    return this.#run('objects being written', WRITING, []);
  }

  /** Some of the objects whose bytes are to be deleted now. */
  async doomed(): Promise<string[]> {
    return (await this.#run<{ id: string }>('doomed objects', DOOMED, [])).map(({ id }) => id);
  }

  /** The number of objects whose bytes are to be deleted now, up to 10,000. */
  async countDoomed(): Promise<number> {
    const [row] = await this.#run<{ count: number }>('count of doomed objects', COUNT_DOOMED, []);
    return row!.count;
  }

  /** Notes that the bytes of a doomed object were deleted. */
  async swept(id: string): Promise<void> {
    await this.#run('object swept', SWEPT, [id]);
  }

  /** The id of the catalogue. */
  async catalogueId(): Promise<string> {
    const [row] = await this.#run<{ id: string }>('catalogue id', CATALOGUE_ID, []);
    return row!.id;
  }

  /** Whether the catalogue has objects in its store. */
  async hasObjects(): Promise<boolean> {
    const [row] = await this.#run<{ found: boolean }>('objects at all', HAS_OBJECTS, []);
    return row!.found;
  }

  async #change(image: string, name: string, text: string, values: unknown[]): Promise<boolean> {
    const changed = (await this.#run(name, text, values)).length > 0;
    if (changed) this.onChanged([storedIdOf(image)]);
    return changed;
  }

  #run<Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> {
    return write(this.database, { name, text, values }, this.availability);
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
