import { DataTimeout, DataTooLarge, DataUnavailable, DomainError, StoreFull } from '@glimpse/domain';
import type { ByteRange, ImageData } from './contract.js';
import { reasonOf, type OnFault } from './fault.js';

/** What a store may throw, by code: it may have its own copy of the domain. */
const REFUSALS: Readonly<Record<string, (error: Error) => DomainError>> = {
  'store-full': (cause) => new StoreFull({ cause }),
  'data-unavailable': (cause) => new DataUnavailable({ cause }),
  'data-timeout': (cause) => new DataTimeout({ cause }),
  'data-too-large': (error) => new DataTooLarge((error as DataTooLarge).maxBytes),
};

/**
 * Keeps a store's faults to itself: what its contract does not allow it to throw becomes `DataUnavailable`, and so does
 * an object that it says it has written before its bytes had ended, and a range that ends early.
 */
export function isolateImageData(data: ImageData, onFault: OnFault): ImageData {
  const errorOf = (error: unknown): DomainError => {
    if (error instanceof DomainError) return error;
    const code = String((error as { code?: unknown } | null | undefined)?.code);
    if (Object.hasOwn(REFUSALS, code)) return REFUSALS[code]!(error as Error);
    onFault(reasonOf(error));
    return new DataUnavailable({ cause: error });
  };
  const guarded = async <T>(call: () => Promise<T>): Promise<T> => {
    try {
      return await call();
    } catch (error) {
      throw errorOf(error);
    }
  };
  async function* listed<T>(objects: () => AsyncIterable<T>): AsyncGenerator<T> {
    const keys = objects()[Symbol.asyncIterator]();
    try {
      for (;;) {
        const { done, value } = await guarded(() => keys.next());
        if (done) return;
        yield value;
      }
    } finally {
      await keys.return?.();
    }
  }
  return {
    ...(data.maxUploads !== undefined && { maxUploads: data.maxUploads }),
    async write(key, bytes, length) {
      const watched = new WatchedBytes(bytes);
      try {
        await data.write(key, watched, length);
      } catch (error) {
        if (watched.failure) throw watched.failure.error;
        throw errorOf(error);
      }
      if (!watched.ended) throw errorOf(new Error('write has ended before its bytes'));
    },
    async read(key, range) {
      return new WholeRange(await guarded(async () => data.read(key, range)), range, errorOf);
    },
    delete: (key) => guarded(async () => data.delete(key)),
    list: () => listed(() => data.list()),
    ...(data.listPartial && { listPartial: () => listed(() => data.listPartial!()) }),
    ...(data.freeBytes && { freeBytes: () => guarded(async () => data.freeBytes!()) }),
    readMarker: () => guarded(async () => data.readMarker()),
    writeMarker: (text) => guarded(async () => data.writeMarker(text)),
  };
}

/** Bytes that note how they ended. */
class WatchedBytes implements AsyncIterable<Uint8Array> {
  ended = false;
  failure: { readonly error: unknown } | undefined;

  constructor(private readonly bytes: AsyncIterable<Uint8Array>) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      yield* this.bytes;
      this.ended = true;
    } catch (error) {
      this.failure = { error };
      throw error;
    }
  }
}

/** The bytes of a range, all of them or an error. Not a generator, which could not be ended before it is begun. */
class WholeRange implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #missing: number;

  constructor(
    bytes: AsyncIterable<Uint8Array>,
    { first, last }: ByteRange,
    private readonly errorOf: (error: unknown) => DomainError,
  ) {
    this.#chunks = bytes[Symbol.asyncIterator]();
    this.#missing = last - first + 1;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    try {
      const chunk = await this.#chunks.next();
      this.#missing -= chunk.done ? 0 : chunk.value.length;
      if (this.#missing < 0 || (chunk.done && this.#missing > 0)) {
        throw new Error('read has other bytes than those of the range');
      }
      return chunk;
    } catch (error) {
      throw this.errorOf(error);
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.#chunks.return?.();
    return { done: true, value: undefined };
  }
}
