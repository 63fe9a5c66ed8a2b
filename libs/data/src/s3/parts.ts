import { createHash } from 'node:crypto';

/** A part of an object. */
export interface Part {
  readonly bytes: Uint8Array;
  readonly md5: Buffer;
}

/**
 * The buffers of one upload, each as large as a part. They are used again: kept chunks of a request would become old, and
 * the garbage collector would visit the whole heap of the service to free them.
 */
export class PartBuffers {
  readonly #free: Buffer[] = [];

  constructor(readonly partBytes: number) {}

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.partBytes);
  }

  /** Lets a part's buffer be used again, once nothing reads it. */
  release({ bytes }: Part): void {
    this.#free.push(Buffer.from(bytes.buffer as ArrayBuffer));
  }
}

/**
 * Gathers bytes to parts, each of the same size but the last. An empty object is one empty part.
 *
 * @throws what the bytes throw
 */
export async function* partsOf(
  bytes: AsyncIterable<Uint8Array>,
  buffers: PartBuffers,
): AsyncGenerator<Part, void, void> {
  let part = new GrowingPart(buffers.take());
  let isFirst = true;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      at += part.add(chunk.subarray(at));
      if (!part.isFull) continue;
      yield part.complete();
      isFirst = false;
      part = new GrowingPart(buffers.take());
    }
  }
  if (isFirst || !part.isEmpty) yield part.complete();
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
