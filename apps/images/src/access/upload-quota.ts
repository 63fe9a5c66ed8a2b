import type { StoredImageObjects, Upload } from '@glimpse/store';
import type { DataSettings } from '../settings/data.js';
import { ImageTooLarge, StorageQuotaExceeded, UploadGone } from './data-errors.js';

/** Bytes that are reserved at a time for data of unknown length. */
const STEP_BYTES = 64 * 2 ** 20;

const MIB_BYTES = 2 ** 20;

/** The bytes that a project may have; undefined: any number. */
export function quotaBytesOf({ project_quota }: Pick<DataSettings, 'project_quota'>): number | undefined {
  return project_quota === 0 ? undefined : project_quota * MIB_BYTES;
}

/**
 * Keeps an upload within the size of an image and the quota of its project. Bytes are reserved before they are received,
 * so that uploads at once cannot exceed the quota together.
 */
export class UploadQuota {
  readonly #maxBytes: number;
  /** Undefined where projects have no quota. */
  readonly #quota: number | undefined;
  #reserved = 0;

  /** @param size of the data; undefined where it is not known */
  constructor(
    private readonly objects: StoredImageObjects,
    private readonly upload: Upload,
    private readonly size: number | undefined,
    limits: Pick<DataSettings, 'project_quota' | 'image_size_max'>,
  ) {
    this.#maxBytes = limits.image_size_max * MIB_BYTES;
    this.#quota = quotaBytesOf(limits);
  }

  /**
   * Begins the upload; false if the image waits for no data.
   *
   * @throws {ImageTooLarge} {StorageQuotaExceeded} {CatalogueUnavailable}
   */
  async begin(status: 'saving' | 'uploading'): Promise<boolean> {
    const { size } = this;
    const quota = this.#quota;
    if (size !== undefined && size > this.#maxBytes) throw new ImageTooLarge(this.#maxBytes);
    const unknown = quota === undefined ? { bytes: 0, least: 0 } : { bytes: STEP_BYTES, least: 1 };
    const wanted = size === undefined ? unknown : { bytes: size, least: size };
    const reserved = await this.objects.begin(this.upload, status, { ...wanted, quota });
    if (!reserved) return false;
    if (reserved.bytes === null) throw new StorageQuotaExceeded(size, reserved.remaining!);
    this.#reserved = reserved.bytes;
    return true;
  }

  /**
   * The same data. HTTP lets no body be longer than it says; of one that does not say its length, more is reserved as it
   * is needed.
   *
   * @throws {ImageTooLarge} {StorageQuotaExceeded} {UploadGone} {CatalogueUnavailable}, and what the bytes throw
   */
  pass(bytes: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    return this.size === undefined ? this.#counted(bytes) : bytes;
  }

  async *#counted(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let received = 0;
    for await (const chunk of bytes) {
      received += chunk.length;
      if (received > this.#maxBytes) throw new ImageTooLarge(this.#maxBytes);
      while (this.#quota !== undefined && received > this.#reserved) await this.#reserveMore(this.#quota);
      yield chunk;
    }
  }

  async #reserveMore(quota: number): Promise<void> {
    const reserved = await this.objects.reserve(this.upload.id, STEP_BYTES, quota);
    if (!reserved) throw new UploadGone(this.upload.image);
    if (reserved.bytes === null) throw new StorageQuotaExceeded(undefined, reserved.remaining!);
    this.#reserved = reserved.bytes;
  }
}
