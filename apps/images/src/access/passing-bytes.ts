/** What is observed of bytes that pass from a source to their reader. */
export interface Passing {
  /** A chunk has come. @param waitedMs how long the reader waited for it */
  passed(bytes: number, waitedMs: number): void;
  /** All bytes have passed. */
  complete(waitedMs: number): void;
  /** The source has failed. */
  failed(error: unknown): void;
  /** The reader stopped before the end. */
  stopped(): void;
}

/**
 * The same bytes, observed. It is no generator: the end of one that was never started is not seen, and each chunk would
 * cost two more promises.
 */
export function observed(bytes: AsyncIterable<Uint8Array>, passing: Passing): AsyncIterable<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]();
  let ended = false;
  const iterator: AsyncIterator<Uint8Array> = {
    async next() {
      const from = performance.now();
      let result: IteratorResult<Uint8Array>;
      try {
        result = await source.next();
      } catch (error) {
        ended = true;
        passing.failed(error);
        throw error;
      }
      const waitedMs = performance.now() - from;
      if (!result.done) passing.passed(result.value.length, waitedMs);
      else if (!ended) passing.complete(waitedMs);
      ended ||= result.done === true;
      return result;
    },
    async return() {
      if (!ended) passing.stopped();
      ended = true;
      await source.return?.();
      return { done: true, value: undefined };
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}
