import { createHash } from 'node:crypto';

/** A part of an object. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly md5: Buffer;
}

/** Milliseconds without an upload after which free buffers are given back. */
const KEPT_MS = 30_000;

/**
 * The buffers of the parts of all uploads to a store. They are used again: new ones, and chunks of requests that are kept,
 * would make the garbage collector visit the whole heap of the service, and other requests wait for that.
 */
export class PartBuffers {
  /** By their size. */
  readonly #free = new Map<number, Buffer[]>();
  #giveBack: NodeJS.Timeout | undefined;

  /** @param least bytes of a buffer that is kept: objects of less than a part have sizes of their own */
  constructor(private readonly least: number) {}

  take(bytes: number): Buffer {
    return this.#free.get(bytes)?.pop() ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Lets the buffer of a part be used again, once nothing reads it. */
  release({ bytes: { buffer } }: Part): void {
    const bytes = buffer.byteLength;
    if (bytes < this.least) return;
    const free = this.#free.get(bytes) ?? [];
    this.#free.set(bytes, free);
    free.push(Buffer.from(buffer as ArrayBuffer));
    this.#giveBack ??= setTimeout(() => this.#free.clear(), KEPT_MS).unref();
    this.#giveBack.refresh();
  }
}

/**
 * Gathers bytes to parts, each of the same size but the last. An empty object is one empty part.
 *
 * @throws what the bytes throw
 */
export async function* partsOf(
  bytes: AsyncIterable<Uint8Array>,
  partBytes: number,
  buffers: PartBuffers,
): AsyncGenerator<Part, void, void> {
  let part = new GrowingPart(buffers.take(partBytes));
  let isFirst = true;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      at += part.add(chunk.subarray(at));
      if (!part.isFull) continue;
      yield part.complete();
      isFirst = false;
      part = new GrowingPart(buffers.take(partBytes));
    }
  }
  if (isFirst || !part.isEmpty) yield part.complete();
  else buffers.release(part.complete());
}

class GrowingPart {
  readonly #md5 = createHash('md5');
  #size = 0;

  constructor(private readonly buffer: Buffer) {}

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  get isFull(): boolean {
    return this.#size === this.buffer.length;
  }

  /** Copies what there is room for, and hashes it while it is in the processor's cache. @returns how many bytes */
  add(chunk: Uint8Array): number {
    const added = chunk.subarray(0, this.buffer.length - this.#size);
    this.buffer.set(added, this.#size);
    this.#md5.update(added);
    this.#size += added.length;
    return added.length;
  }

  complete(): Part {
    return { bytes: this.buffer.subarray(0, this.#size), md5: this.#md5.digest() };
  }
}
