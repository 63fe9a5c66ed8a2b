import { DataTimeout, DataUnavailable } from '@glimpse/domain';
import type { ByteRange } from '@glimpse/plugins';
import { WrongStore } from './data-errors.js';
import type { OwnStore } from './own-store.js';

/** The data of an image in one of its stores. */
export interface StoredCopy {
  readonly id: string;
  readonly store: OwnStore;
}

/**
 * Opens a range of the data of an image, of the first of its stores that delivers it. Where one fails in the middle, the
 * next one goes on: all have the same bytes.
 *
 * @throws {DataUnavailable} {DataTimeout} {WrongStore} {CatalogueUnavailable}
 */
export async function openCopies(
  copies: readonly StoredCopy[],
  range: ByteRange,
): Promise<AsyncIterable<Uint8Array>> {
  const [only, ...others] = copies;
  if (!only) throw new DataUnavailable({ cause: new Error('no store that has the data is configured') });
  return others.length === 0 ? open(only, range) : CopiesRange.open(copies, range);
}

async function open({ id, store }: StoredCopy, range: ByteRange): Promise<AsyncIterable<Uint8Array>> {
  return (await store.verified()).read(id, range);
}

/** Whether another store may have what this one does not deliver. */
const isStoreFault = (error: unknown): boolean =>
  error instanceof DataUnavailable || error instanceof WrongStore;

/** Each read of a silent store waits for its time limit: others do not wait, too. */
function noteSilence(store: OwnStore, error: unknown): void {
  if (error instanceof DataTimeout) store.isUnavailable = true;
}

/** Not a generator, which could not be ended before it is begun. */
class CopiesRange implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #copies: StoredCopy[];
  readonly #last: number;
  /** The first byte that was not delivered yet. */
  #first: number;
  #chunks!: AsyncIterator<Uint8Array>;
  #from!: OwnStore;

  private constructor(copies: readonly StoredCopy[], { first, last }: ByteRange) {
    this.#copies = [...copies];
    this.#first = first;
    this.#last = last;
  }

  static async open(copies: readonly StoredCopy[], range: ByteRange): Promise<CopiesRange> {
    const opened = new CopiesRange(copies, range);
    await opened.#openNext(undefined);
    return opened;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    for (;;) {
      try {
        const chunk = await this.#chunks.next();
        if (!chunk.done) this.#first += chunk.value.length;
        return chunk;
      } catch (error) {
        noteSilence(this.#from, error);
        await this.#openNext(error);
      }
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#chunks.return?.();
    return { done: true, value: undefined };
  }

  /** @throws what kept the stores from delivering it */
  async #openNext(fault: unknown): Promise<void> {
    for (let cause = fault; ;) {
      const copy = this.#copies.shift();
      if (!copy || (cause !== undefined && !isStoreFault(cause))) throw cause;
      try {
        const bytes = await open(copy, { first: this.#first, last: this.#last });
        this.#chunks = bytes[Symbol.asyncIterator]();
        this.#from = copy.store;
        return;
      } catch (error) {
        cause = error;
        noteSilence(copy.store, error);
      }
    }
  }
}
