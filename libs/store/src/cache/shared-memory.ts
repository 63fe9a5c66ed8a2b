import { LRUCache } from 'lru-cache';

interface Entry<T> {
  readonly owner: string;
  readonly bytes: number;
  readonly value: T;
}

/** The entries of one owner, the least recently used first. */
interface Share {
  readonly keys: Set<string>;
  bytes: number;
}

/**
 * A least recently used cache that is bounded in bytes, and in bytes of one owner: one that fills its share replaces
 * its own entries, not those of others.
 */
export class SharedMemory<T> {
  readonly #entries: LRUCache<string, Entry<T>>;
  readonly #shares = new Map<string, Share>();
  readonly #maxShare: number;

  /**
   * @param maxBytes of all entries
   * @param maxShare of the entries of one owner
   */
  constructor(maxBytes: number, maxShare: number) {
    this.#maxShare = maxShare;
    this.#entries = new LRUCache({
      maxSize: maxBytes,
      sizeCalculation: ({ bytes }) => bytes,
      dispose: (entry, key) => this.#release(key, entry),
    });
  }

  get size(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** An entry, which counts as used now. */
  get(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    const { keys } = this.#shares.get(entry.owner)!;
    keys.delete(key);
    keys.add(key);
    return entry.value;
  }

  /** An entry, which does not count as used. */
  peek(key: string): T | undefined {
    return this.#entries.peek(key)?.value;
  }

  /** Stores an entry, unless it is larger than a share. */
  set(key: string, value: T, { owner, bytes }: { owner: string; bytes: number }): void {
    this.#entries.delete(key);
    if (bytes > this.#maxShare) return;
    const share = this.#shares.get(owner) ?? { keys: new Set<string>(), bytes: 0 };
    for (const oldest of share.keys) {
      if (share.bytes + bytes <= this.#maxShare) break;
      this.#entries.delete(oldest);
    }
    // Releasing the last entry of a share removes the share.
    this.#shares.set(owner, share);
    share.keys.add(key);
    share.bytes += bytes;
    this.#entries.set(key, { owner, bytes, value });
  }

  #release(key: string, { owner, bytes }: Entry<T>): void {
    const share = this.#shares.get(owner)!;
    share.keys.delete(key);
    share.bytes -= bytes;
    if (share.keys.size === 0) this.#shares.delete(owner);
  }
}
