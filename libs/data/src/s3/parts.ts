import { createHash } from 'node:crypto';

/** A part of an object. Its chunks are not joined: joining and hashing 8 MiB at once would block other requests. */
export interface Part {
  readonly chunks: readonly Uint8Array[];
  readonly size: number;
  readonly md5: Buffer;
}

/**
 * Gathers bytes to parts, each of the same size but the last. An empty object is one empty part.
 *
 * @throws what the bytes throw
 */
export async function* partsOf(
  bytes: AsyncIterable<Uint8Array>,
  partBytes: number,
): AsyncGenerator<Part, void, void> {
  let part = new GrowingPart();
  let isFirst = true;
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      at += part.add(chunk.subarray(at, at + partBytes - part.size));
      if (part.size < partBytes) continue;
      yield part.complete();
      isFirst = false;
      part = new GrowingPart();
    }
  }
  if (isFirst || part.size > 0) yield part.complete();
}

class GrowingPart {
  readonly #chunks: Uint8Array[] = [];
  readonly #md5 = createHash('md5');
  size = 0;

  /** @returns the bytes of the chunk */
  add(chunk: Uint8Array): number {
    this.#chunks.push(chunk);
    this.#md5.update(chunk);
    this.size += chunk.length;
    return chunk.length;
  }

  complete(): Part {
    return { chunks: this.#chunks, size: this.size, md5: this.#md5.digest() };
  }
}
