import { Readable } from 'node:stream';
import { DataTimeout, DataUnavailable, isUuid } from '@glimpse/domain';
import type { ByteRange, ImageData, ListedObject, PartialObject } from '@glimpse/plugins';
import { storeErrorOf } from './s3-errors.js';
import type { S3StoreOptions } from './open-s3-store.js';
import { openClients } from './s3-clients.js';
import { S3Requests } from './s3-requests.js';
import { PartBuffers } from './parts.js';
import { PART_BYTES, upload } from './upload.js';

const MARKER = 'catalogue-id';

/** Keeps each object in a bucket of an S3 service, which all replicas share. */
export class S3Store implements ImageData {
  readonly maxUploads: number;
  readonly #buffers = new PartBuffers(PART_BYTES);

  private constructor(
    private readonly requests: S3Requests,
    private readonly options: S3StoreOptions,
  ) {
    this.maxUploads = options.uploads;
  }

  static open(options: S3StoreOptions): S3Store {
    return new S3Store(new S3Requests(openClients(options), options), options);
  }

  async write(key: string, bytes: AsyncIterable<Uint8Array>, length?: number): Promise<void> {
    await upload(this.requests, this.#buffers, this.#keyOf(key), bytes, length);
  }

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    // No range of S3 is empty.
    if (range.last < range.first) {
      if ((await this.requests.sizeOf(this.#keyOf(key))) === undefined) throw new DataUnavailable();
      return Readable.from([]);
    }
    return wholeBody(await this.requests.open(this.#keyOf(key), range), range, this.options.timeoutMs);
  }

  async delete(key: string): Promise<void> {
    const begun = [];
    for await (const upload of this.requests.uploads(this.#keyOf(key))) begun.push(upload);
    for (const upload of begun) if (upload.key === this.#keyOf(key)) await this.requests.abort(upload);
    await this.requests.delete(this.#keyOf(key));
  }

  async *list(): AsyncGenerator<ListedObject> {
    const { prefix } = this.options;
    for await (const object of this.requests.objects(prefix)) {
      // A bucket may hold more than image data.
      const key = object.key.slice(prefix.length);
      if (isUuid(key)) yield { ...object, key };
    }
  }

  async *listPartial(): AsyncGenerator<PartialObject> {
    const { prefix } = this.options;
    for await (const upload of this.requests.uploads(prefix)) {
      const key = upload.key.slice(prefix.length);
      if (isUuid(key)) yield { key, modifiedAt: upload.begunAt };
    }
  }

  readMarker(): Promise<string | undefined> {
    return this.requests.textOf(this.#keyOf(MARKER));
  }

  writeMarker(text: string): Promise<void> {
    return this.requests.putFirst(this.#keyOf(MARKER), text);
  }

  #keyOf(key: string): string {
    return this.options.prefix + key;
  }
}

/**
 * The body of a response, which ends whole or throws. It is destroyed when it is not read to its end, also when it was
 * never read: a generator would not notice that.
 *
 * @param silenceMs after which the service counts as unavailable
 */
function wholeBody(body: Readable, { first, last }: ByteRange, silenceMs: number): AsyncIterable<Uint8Array> {
  let missing = last - first + 1;
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
  let isWaiting = false;
  // The reader may pause as long as it wants.
  const silence = setTimeout(() => isWaiting && body.destroy(new DataTimeout()), silenceMs);
  body.once('close', () => clearTimeout(silence));
  // It may break while nothing is read; the next read throws that.
  body.on('error', () => undefined);
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      isWaiting = true;
      silence.refresh();
      try {
        const chunk = await chunks.next();
        if (chunk.done && missing > 0) throw new DataUnavailable();
        if (!chunk.done) missing -= chunk.value.length;
        return chunk;
      } catch (error) {
        body.destroy();
        throw storeErrorOf(error);
      } finally {
        isWaiting = false;
      }
    },
    async return() {
      body.destroy();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
