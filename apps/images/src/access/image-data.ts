import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Digest } from '@glimpse/data';
import { SharedRuns, type Identity, type Image } from '@glimpse/domain';
import type { ByteRange, ImageData } from '@glimpse/plugins';
import type { StoredImageObjects, Upload } from '@glimpse/store';
import { Overloaded } from '../http/overload.js';
import {
  FormatsMissing,
  ImageDeactivated,
  NoStore,
  NotQueued,
  UploadCutOff,
  UploadGone,
} from './data-errors.js';
import type { DataSettings } from '../settings/data.js';
import { FormatCheck } from './format-check.js';
import type { ImageAccess } from './image-access.js';
import type { OwnStore } from './own-store.js';
import type { OwnStores, StoredCopies } from './own-stores.js';
import type { Transfers } from './transfers.js';
import { openCopies } from './stored-copies.js';
import { UploadQuota } from './upload-quota.js';

/** Milliseconds between two signs that the writer of an object lives. */
export const BEAT_MS = 5_000;

/** The data of an image that a caller may download. */
export interface Download {
  readonly image: Image;
  /** Undefined where the image has no data. */
  readonly data:
    { readonly size: number; open(range: ByteRange): Promise<AsyncIterable<Uint8Array>> } | undefined;
}

/** Image data as it is sent. */
export interface SentData {
  readonly body: Readable;
  /** Bytes; undefined where the client does not say. */
  readonly size: number | undefined;
}

/** An upload that is being received. */
interface Receiving extends SentData {
  readonly image: Image;
  /** The image's status meanwhile. */
  readonly status: 'saving' | 'uploading';
  /** Ends the upload. */
  readonly cutOff: AbortController;
  /** Counts the bytes that pass. */
  readonly counted: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/** The data of images as a caller may upload and download it. */
export class DataAccess {
  readonly #uploads = new Map<AbortController, { readonly store: OwnStore; readonly ended: Promise<void> }>();
  /** The queries of many clients that download one image. */
  readonly #stored = new SharedRuns<StoredCopies | undefined>();

  /** @param stores undefined where no store is configured */
  constructor(
    private readonly access: ImageAccess,
    private readonly objects: StoredImageObjects,
    private readonly stores: OwnStores | undefined,
    private readonly settings: Pick<DataSettings, 'format_check' | 'project_quota' | 'image_size_max'>,
    private readonly transfers: Transfers,
  ) {}

  /**
   * Stores the data of an image that waits for it, and makes the image active.
   *
   * @param storeName where the data goes, if stores have names; undefined: to the default store
   * @throws {UnknownStore} {FormatsMissing}, and as {@link stage}
   */
  async upload(id: string, caller: Identity, data: SentData, storeName?: string): Promise<void> {
    const store = this.#storeOf(storeName);
    const image = await this.#imageToChange(id, caller, 'upload_image');
    requireFormats(image);
    await this.#store(image, data, 'saving', store);
  }

  /**
   * Stores the data of an image that waits for it, until the image is imported.
   *
   * @throws {NoStore} {WrongStore} {UnsafeData} {NotQueued} {UploadGone} {UploadCutOff} {Overloaded}
   *   {NotOwner} {PolicyRefused} {ImageTooLarge} {StorageQuotaExceeded} {StoreFull} {DataUnavailable}, as
   *   `ImageAccess.read`, and what the body throws: then the image waits for data again
   */
  async stage(id: string, caller: Identity, data: SentData): Promise<void> {
    const image = await this.#imageToChange(id, caller, 'modify_image');
    await this.#store(image, data, 'uploading', this.stores?.default);
  }

  async #imageToChange(id: string, caller: Identity, rule: string): Promise<Image> {
    const { image } = await this.access.readCurrent(id, caller);
    this.access.permissionsOf(caller).enforceChange(rule, image);
    return image;
  }

  /** The store of a name; where the only store has none, clients cannot choose. @throws {UnknownStore} */
  #storeOf(name: string | undefined): OwnStore | undefined {
    if (name === undefined || !this.stores?.haveNames) return this.stores?.default;
    return this.stores.named(name);
  }

  async #store(
    image: Image,
    data: SentData,
    status: 'saving' | 'uploading',
    store: OwnStore | undefined,
  ): Promise<void> {
    if (!store) throw new NoStore();
    if (image.status !== 'queued') throw new NotQueued(image.shownId, image.status, status);
    const running = [...this.#uploads.values()].filter((upload) => upload.store === store);
    if (running.length >= store.maxUploads) throw new Overloaded();
    const cutOff = new AbortController();
    const received = this.transfers.upload(image.shownId, (counted) =>
      this.#receive({ ...data, image, status, cutOff, counted }, store),
    );
    this.#uploads.set(cutOff, { store, ended: received });
    try {
      await received;
    } finally {
      this.#uploads.delete(cutOff);
    }
  }

  /**
   * Opens the data of an image.
   *
   * @throws {NoStore} {ImageDeactivated} {PolicyRefused}, and as `ImageAccess.read`
   */
  async download(id: string, caller: Identity): Promise<Download> {
    const { value: image } = await this.access.read(id, caller);
    const permissions = this.access.permissionsOf(caller);
    permissions.enforce('download_image', image);
    if (image.status === 'deactivated' && !permissions.viewer.admin) {
      throw new ImageDeactivated(image.shownId);
    }
    if (!this.stores) throw new NoStore();
    const { stores } = this;
    const stored = await this.#stored.run(image.id, () => stores.copiesOf(image.id, this.objects));
    // An image that was in the cache may be deleted.
    if (!stored)
      return { image: (await this.access.read(id, caller, { fresh: true })).value, data: undefined };
    const open = (range: ByteRange): Promise<AsyncIterable<Uint8Array>> =>
      this.transfers.download(image.shownId, () => openCopies(stored.copies, range));
    return { image, data: { size: stored.size, open } };
  }

  /** Ends all uploads; their images wait for data again. */
  endUploads(): void {
    for (const upload of this.#uploads.keys()) upload.abort(new UploadCutOff());
  }

  /** Resolves once each upload is complete or given up. */
  async settled(): Promise<void> {
    await Promise.allSettled(Array.from(this.#uploads.values(), ({ ended }) => ended));
  }

  async #receive({ image, status, body, size, cutOff, counted }: Receiving, store: OwnStore): Promise<void> {
    const data = await store.verified();
    const upload = { image: image.id, id: randomUUID(), store: store.name };
    const quota = new UploadQuota(this.objects, upload, size, this.settings);
    if (!(await quota.begin(status))) {
      throw new NotQueued(image.shownId, image.status, status);
    }
    const { signal } = cutOff;
    const end = (): void => void body.destroy(signal.reason as Error);
    signal.addEventListener('abort', end);
    if (signal.aborted) end();
    const beats = setInterval(() => {
      // During an outage of the database the upload goes on.
      void this.objects.beat(upload.id).then(
        (expected) => expected || cutOff.abort(new UploadGone(image.shownId)),
        () => undefined,
      );
    }, BEAT_MS);
    try {
      const digest = new Digest();
      const format = new FormatCheck(image, this.settings.format_check);
      await data.write(upload.id, format.pass(digest.pass(quota.pass(counted(body)))), size);
      const measured = digest.measured();
      const stored = { ...measured, virtualSize: format.virtualSizeOf(measured.size) };
      const expected =
        status === 'saving'
          ? await this.objects.activate(upload, stored)
          : await this.objects.stage(upload, stored);
      if (!expected) throw new UploadGone(image.shownId);
    } catch (error) {
      const outcome = await this.#giveUp(upload, data);
      if (outcome === 'gone') throw new UploadGone(image.shownId);
      if (outcome !== 'complete') throw error;
    } finally {
      clearInterval(beats);
      signal.removeEventListener('abort', end);
    }
  }

  /**
   * Gives up an upload after an error. The error may be that the response of the activating statement was lost: then
   * the upload is complete, and its bytes stay. While the database is unavailable, the sweeper does this later.
   */
  async #giveUp(upload: Upload, data: ImageData): Promise<'complete' | 'given-up' | 'gone' | 'unknown'> {
    try {
      const givenUp = await this.objects.giveUp(upload);
      const state = await this.objects.stateOf(upload.id);
      if (state === 'live' || state === 'staged') return 'complete';
      // The client need not wait for it; the sweeper deletes what is left.
      if (state === 'doomed') void data.delete(upload.id).catch(() => undefined);
      return givenUp ? 'given-up' : 'gone';
    } catch {
      return 'unknown';
    }
  }
}

/** @throws {FormatsMissing} */
export function requireFormats({ diskFormat, containerFormat }: Image): void {
  if (!diskFormat || !containerFormat) throw new FormatsMissing();
}
