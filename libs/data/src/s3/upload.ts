import { DataTooLarge } from '@glimpse/domain';
import { partsOf, type Part, type PartBuffers } from './parts.js';
import type { PartialUpload, S3Requests, SentPart } from './s3-requests.js';

const MIB = 2 ** 20;
/** The parts of an object of usual size: two are sent while a third is gathered, 24 MiB an upload. */
export const PART_BYTES = 8 * MIB;
/** S3 has no more parts in an object. */
const MAX_PARTS = 10_000;
/** The parts of one upload that are sent at a time. */
export const PARTS_AT_A_TIME = 2;

/**
 * Writes an object: in parts, unless it is smaller than one. After an error there is no object, unless the service has
 * become unavailable: then the deletion of the key removes what is left.
 *
 * @throws {StoreFull} {DataUnavailable} {DataTimeout} {DataTooLarge}, and what the bytes throw
 */
export async function upload(
  requests: S3Requests,
  buffers: PartBuffers,
  key: string,
  bytes: AsyncIterable<Uint8Array>,
  length?: number,
): Promise<void> {
  const partBytes = partBytesOf(length);
  // Data that leaves room in its buffer is one part.
  const parts = partsOf(bytes, length === undefined ? partBytes : Math.min(partBytes, length + 1), buffers);
  let part = await parts.next();
  if (!part.done && part.value.bytes.length < partBytes) return requests.put(key, part.value);
  const sender = new PartSender(requests, { key, id: await requests.begin(key) }, buffers);
  try {
    while (!part.done) {
      await sender.add(part.value);
      // A part that fails ends the upload, even if the client is slow.
      part = await sender.unlessFailed(parts.next());
    }
    await sender.complete();
  } catch (error) {
    await sender.abort(error);
    throw error;
  }
}

/** The size of the parts of an object. @param length its bytes, if they are known */
export function partBytesOf(length = 0): number {
  return Math.max(PART_BYTES, Math.ceil(length / MAX_PARTS));
}

/** Sends the parts of one upload. */
class PartSender {
  readonly #underWay = new Set<Promise<void>>();
  readonly #sent: SentPart[] = [];
  /** Aborted with the first error. */
  readonly #failed = new AbortController();
  #count = 0;
  #size = 0;

  constructor(
    private readonly requests: S3Requests,
    private readonly upload: PartialUpload,
    private readonly buffers: PartBuffers,
  ) {}

  /** Begins to send a part, once there are few enough under way. */
  async add(part: Part): Promise<void> {
    if (this.#count === MAX_PARTS) throw new DataTooLarge(MAX_PARTS * PART_BYTES);
    while (this.#underWay.size >= PARTS_AT_A_TIME) await this.unlessFailed(Promise.race(this.#underWay));
    this.#size += part.bytes.length;
    const sending = this.#send(++this.#count, part).finally(() => this.#underWay.delete(sending));
    this.#underWay.add(sending);
  }

  /**
   * Settles as a promise does, or rejects as soon as a part cannot be sent. `Promise.race` with one promise for the
   * whole upload would keep every part in memory.
   */
  unlessFailed<T>(promise: Promise<T>): Promise<T> {
    const { signal } = this.#failed;
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', fail);
      void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', fail));
      if (signal.aborted) fail();
    });
  }

  async complete(): Promise<void> {
    await this.unlessFailed(Promise.all(this.#underWay));
    try {
      await this.requests.complete(this.upload, this.#sent);
    } catch (error) {
      // The response may be lost after the object was made.
      const size = await this.requests.sizeOf(this.upload.key).catch(() => undefined);
      if (size !== this.#size) throw error;
    }
  }

  /** Ends all requests, and removes the parts. */
  async abort(reason: unknown): Promise<void> {
    this.#failed.abort(reason);
    await Promise.allSettled(this.#underWay);
    await this.requests.abort(this.upload).catch(() => undefined);
  }

  async #send(number: number, part: Part): Promise<void> {
    try {
      this.#sent.push(await this.requests.sendPart(this.upload, number, part, this.#failed.signal));
      this.buffers.release(part);
    } catch (error) {
      this.#failed.abort(error);
    }
  }
}
