import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { Digest, type ByteRange, type ImageData } from '@glimpse/data';
import type { Identity, Image } from '@glimpse/domain';
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
import type { ImageAccess } from './image-access.js';
import type { OwnStore } from './own-store.js';

/** The most uploads that one process receives at a time: what each holds in memory is bounded. */
const MAX_UPLOADS = 32;

/** Milliseconds between two signs that the writer of an object lives. */
const BEAT_MS = 5_000;

/** The data of an image that a caller may download. */
export interface Download {
  readonly image: Image;
  /** Undefined where the image has no data. */
  readonly data:
    { readonly size: number; open(range: ByteRange): Promise<AsyncIterable<Uint8Array>> } | undefined;
}

/** The data of images as a caller may upload and download it. */
export class DataAccess {
  readonly #uploads = new Map<AbortController, Promise<void>>();

  /** @param store undefined where no store is configured */
  constructor(
    private readonly access: ImageAccess,
    private readonly objects: StoredImageObjects,
    private readonly store: OwnStore | undefined,
  ) {}

  /**
   * Stores the data of an image that waits for it, and makes the image active.
   *
   * @throws {NoStore} {WrongStore} {FormatsMissing} {NotQueued} {UploadGone} {UploadCutOff} {Overloaded}
   *   {PolicyRefused} {StoreFull} {DataUnavailable}, as `ImageAccess.read`, and what the body throws: then the image
   *   waits for data again
   */
  async upload(id: string, caller: Identity, body: Readable): Promise<void> {
    const { value: image } = await this.access.read(id, caller, { fresh: true });
    this.access.enforceFor('upload_image', caller, image);
    if (!this.store) throw new NoStore();
    if (!image.diskFormat || !image.containerFormat) throw new FormatsMissing();
    if (image.status !== 'queued') throw new NotQueued(image.shownId, image.status);
    if (this.#uploads.size >= MAX_UPLOADS) throw new Overloaded();
    const cutOff = new AbortController();
    const received = this.#receive(image, body, this.store, cutOff);
    this.#uploads.set(cutOff, received);
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
    const { value: image } = await this.access.read(id, caller, { fresh: true });
    this.access.enforceFor('download_image', caller, image);
    if (image.status === 'deactivated' && !this.access.viewerOf(caller).admin) {
      throw new ImageDeactivated(image.shownId);
    }
    const { store } = this;
    if (!store) throw new NoStore();
    const object = await this.objects.live(image.id);
    const open = async (range: ByteRange): Promise<AsyncIterable<Uint8Array>> =>
      (await store.verified()).read(object!.id, range);
    return { image, data: object && { size: object.size, open } };
  }

  /** Ends all uploads; their images wait for data again. */
  endUploads(): void {
    for (const upload of this.#uploads.keys()) upload.abort(new UploadCutOff());
  }

  /** Resolves once each upload is complete or given up. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#uploads.values());
  }

  async #receive(image: Image, body: Readable, store: OwnStore, cutOff: AbortController): Promise<void> {
    const data = await store.verified();
    const upload = { image: image.id, id: randomUUID() };
    if (!(await this.objects.begin(upload))) throw new NotQueued(image.shownId, image.status);
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
      await data.write(upload.id, digest.pass(body));
      const measured = digest.measured();
      const virtualSize = virtualSizeOf(image, measured.size);
      if (!(await this.objects.activate(upload, { ...measured, virtualSize }))) {
        throw new UploadGone(image.shownId);
      }
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
      if (state === 'live') return 'complete';
      if (state === 'doomed') await data.delete(upload.id).catch(() => undefined);
      return givenUp ? 'given-up' : 'gone';
    } catch {
      return 'unknown';
    }
  }
}

/** The bytes of the disk, as far as the format says them without a look at the data. */
function virtualSizeOf({ diskFormat, containerFormat }: Image, size: number): number | null {
  return containerFormat === 'bare' && (diskFormat === 'raw' || diskFormat === 'iso') ? size : null;
}
