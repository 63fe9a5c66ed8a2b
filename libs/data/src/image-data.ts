/** Bytes of an object, the first and the last one included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** An object of a store. */
export interface ListedObject {
  readonly key: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

/** A store of image data. Its keys are UUIDs in lower case; no key is written twice. */
export interface ImageData {
  /**
   * Writes an object, which is durable once this resolves. If the bytes fail or the store does, there is no object.
   *
   * @throws {StoreFull} {DataUnavailable}, and what the bytes throw
   */
  write(key: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;

  /**
   * Opens an object. Its bytes are all those of the range, or the iteration throws. A chunk is valid until the next one is
   * requested: its memory may be used again.
   *
   * @throws {DataUnavailable}
   */
  read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array>>;

  /** Deletes an object, and what was left of an attempt to write it. No error if there is none. */
  delete(key: string): Promise<void>;

  /**
   * All objects, in any order; of those that are written or deleted meanwhile, some.
   *
   * @throws {DataUnavailable}
   */
  list(): AsyncIterable<ListedObject>;

  /** Bytes that it accepts before it is full, where that is known. @throws {DataUnavailable} */
  freeBytes?(): Promise<number>;

  /** The text that says whose store it is; undefined while it has none. */
  readMarker(): Promise<string | undefined>;

  /** Sets that text where there is none. */
  writeMarker(text: string): Promise<void>;
}
