import { mkdir, open, opendir, readFile, rename, rm, stat, statfs, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { DataUnavailable, DomainError, StoreFull } from '@glimpse/domain';
import type { ByteRange, ImageData, ListedObject, PartialObject } from '@glimpse/plugins';

export interface FileStoreOptions {
  readonly path: string;
  /** Bytes of the file system that are left free: a database may share it. */
  readonly reserveBytes: number;
}

/** Chunks are gathered to writes of this size. */
export const WRITE_BYTES = 262_144;
/** After so many bytes the free space is read again. */
const SPACE_CHECK_BYTES = 64 * 2 ** 20;
const READ_BYTES = 262_144;

const MARKER = 'catalogue-id';
const PARTIAL = '.partial';
/** The names of objects; a volume may have other files, such as `lost+found`. */
const KEY = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const KEY_LENGTH = 36;
/** Of so many files the sizes are read at a time. */
const LISTED_AT_ONCE = 64;
const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** Keeps each object as a file of a folder: for one replica, or a volume that all replicas mount. */
export class FileStore implements ImageData {
  readonly #path: string;

  constructor(private readonly options: FileStoreOptions) {
    this.#path = options.path;
  }

  async write(key: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    const partial = this.#file(key) + PARTIAL;
    await stored(() => this.#prepare());
    const file = await stored(() => open(partial, 'wx', 0o640));
    try {
      try {
        await this.#writeAll(file, bytes);
        await stored(() => file.sync());
      } finally {
        await file.close();
      }
      await stored(() => rename(partial, this.#file(key)));
      await stored(() => this.#syncFolder());
    } catch (error) {
      await this.delete(key).catch(() => undefined);
      throw error;
    }
  }

  async read(key: string, range: ByteRange): Promise<AsyncIterable<Uint8Array>> {
    return new FileRange(await stored(() => open(this.#file(key), 'r')), range);
  }

  async delete(key: string): Promise<void> {
    await stored(async () => {
      await rm(this.#file(key) + PARTIAL, { force: true });
      await rm(this.#file(key), { force: true });
    });
  }

  list(): AsyncGenerator<ListedObject> {
    return this.#files('');
  }

  listPartial(): AsyncGenerator<PartialObject> {
    return this.#files(PARTIAL);
  }

  /** The files whose names are a key and a suffix. */
  async *#files(suffix: string): AsyncGenerator<ListedObject> {
    await stored(() => this.#prepare());
    let keys: string[] = [];
    for await (const { name } of await stored(() => opendir(this.#path))) {
      const key = name.slice(0, KEY_LENGTH);
      if (!KEY.test(key) || name !== key + suffix) continue;
      keys.push(key);
      if (keys.length < LISTED_AT_ONCE) continue;
      yield* await this.#found(keys, suffix);
      keys = [];
    }
    yield* await this.#found(keys, suffix);
  }

  async freeBytes(): Promise<number> {
    await stored(() => this.#prepare());
    return Math.max(0, await this.#room());
  }

  async readMarker(): Promise<string | undefined> {
    return (await unlessMissing(readFile(join(this.#path, MARKER), 'utf8')))?.trim();
  }

  async writeMarker(text: string): Promise<void> {
    await stored(async () => {
      await this.#prepare();
      const file = await open(join(this.#path, MARKER), 'wx', 0o640);
      try {
        await file.writeFile(`${text}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      await this.#syncFolder();
    });
  }

  #file(key: string): string {
    return join(this.#path, key);
  }

  /** The files of these keys that are still there. */
  async #found(keys: readonly string[], suffix: string): Promise<ListedObject[]> {
    const found = await Promise.all(keys.map((key) => this.#listed(key, suffix)));
    return found.filter((object) => object !== undefined);
  }

  async #listed(key: string, suffix: string): Promise<ListedObject | undefined> {
    const found = await unlessMissing(stat(this.#file(key) + suffix));
    return found && { key, bytes: found.size, modifiedAt: found.mtime };
  }

  async #prepare(): Promise<void> {
    await mkdir(this.#path, { recursive: true, mode: 0o750 });
  }

  async #writeAll(file: FileHandle, bytes: AsyncIterable<Uint8Array>): Promise<void> {
    let chunks: Uint8Array[] = [];
    let gathered = 0;
    let sinceCheck = SPACE_CHECK_BYTES;
    const flush = async (): Promise<void> => {
      if (sinceCheck >= SPACE_CHECK_BYTES) {
        await this.#requireSpace();
        sinceCheck = 0;
      }
      await stored(() => writeWhole(file, chunks));
      sinceCheck += gathered;
      chunks = [];
      gathered = 0;
    };
    for await (const chunk of bytes) {
      chunks.push(chunk);
      gathered += chunk.length;
      if (gathered >= WRITE_BYTES) await flush();
    }
    if (gathered > 0) await flush();
  }

  /** @throws {StoreFull} */
  async #requireSpace(): Promise<void> {
    if ((await this.#room()) < 0) throw new StoreFull();
  }

  /** Bytes that are free beyond the reserve. */
  async #room(): Promise<number> {
    const { bavail, bsize } = await stored(() => statfs(this.#path));
    return bavail * bsize - this.options.reserveBytes;
  }

  /** Makes the names in the folder durable. */
  async #syncFolder(): Promise<void> {
    const folder = await open(this.#path, 'r');
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
  }
}

/** The system may write less than it was given. */
async function writeWhole(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  const { bytesWritten } = await file.writev(chunks);
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  if (bytesWritten === length) return;
  const rest = Buffer.concat(chunks).subarray(bytesWritten);
  for (let at = 0; at < rest.length;) at += (await file.write(rest, at)).bytesWritten;
}

/**
 * The bytes of a range of an open file, which is closed with the iteration. Not a generator, which could not be ended
 * before it is begun. One buffer serves for all chunks: garbage of the size of the object would cost more than reading it.
 */
class FileRange implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #chunk: Buffer;
  #at: number;

  constructor(
    private readonly file: FileHandle,
    private readonly range: ByteRange,
  ) {
    this.#at = range.first;
    this.#chunk = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, range.last - range.first + 1));
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const length = Math.min(this.#chunk.length, this.range.last - this.#at + 1);
    if (length <= 0) return this.return();
    try {
      const { bytesRead } = await stored(() => this.file.read(this.#chunk, 0, length, this.#at));
      // The file is shorter than it was: the download must not end as if it were whole.
      if (bytesRead === 0) throw new DataUnavailable();
      this.#at += bytesRead;
      return { done: false, value: this.#chunk.subarray(0, bytesRead) };
    } catch (error) {
      await this.file.close();
      throw error;
    }
  }

  async return(): Promise<IteratorResult<Uint8Array>> {
    await this.file.close();
    return { done: true, value: undefined };
  }
}

/** Runs an operation of the file system. @throws {StoreFull} {DataUnavailable} */
async function stored<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof DomainError) throw error;
    if (OUT_OF_SPACE.has(String((error as NodeJS.ErrnoException).code))) throw new StoreFull();
    throw new DataUnavailable({ cause: error });
  }
}

/** What is read of a file; undefined if there is none. @throws {DataUnavailable} */
async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DataUnavailable({ cause: error });
  }
}
