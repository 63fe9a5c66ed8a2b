import { createHash } from 'node:crypto';
import { ownIteration } from '@glimpse/domain';

/** What is known of data that has passed. */
export interface Measured {
  readonly size: number;
  /** MD5, hexadecimal: Glance's `checksum`. */
  readonly checksum: string;
  /** SHA-512, hexadecimal. */
  readonly hash: string;
}

/**
 * Computes size and checksums of data as it passes, one chunk of all data in an iteration of the event loop: a connection
 * with more to read is read dozens of times in one iteration, and other requests would wait for the checksums of all that.
 */
export class Digest {
  #size = 0;
  readonly #md5 = createHash('md5');
  readonly #sha512 = createHash('sha512');

  async *pass(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      this.#size += chunk.length;
      this.#md5.update(chunk);
      this.#sha512.update(chunk);
      yield chunk;
      await ownIteration();
    }
  }

  /** Ends the computation. */
  measured(): Measured {
    return { size: this.#size, checksum: this.#md5.digest('hex'), hash: this.#sha512.digest('hex') };
  }
}
