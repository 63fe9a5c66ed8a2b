import { randomBytes, randomUUID } from 'node:crypto';
import type { ByteRange, ImageData, Plugin } from '../contract.js';
import { Findings, loaded } from './conformance.js';

/** The sizes of the objects that are written: none, one byte, a chunk, and several parts of 5 MiB or more. */
const SIZES = [0, 1, 65_536, 17_000_003];
const DAY_MS = 86_400_000;
const UNAVAILABLE = 'data-unavailable';

/**
 * Checks a store of image data against its contract: it has each object whole and in ranges, nothing of a broken upload
 * or a deleted object, serves on after reads that were left, and keeps its first marker. Call it from a test of any
 * runner, with a store that is empty.
 *
 * @param plugin the default export of its module
 * @param options as configuration gives them
 * @throws {ConformanceError} with everything that is wrong
 *
 * @example
 * test('conforms', () => checkImageData(plugin, { folder: newFolder() }));
 */
export async function checkImageData(
  plugin: Plugin<'image-data'>,
  options: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const data = await loaded('image-data', plugin, options);
  const findings = new Findings();
  const trial = new Trial(data, findings);
  await trial.marker('an empty store', undefined);
  for (const size of SIZES) await trial.object(size);
  await trial.ranges();
  await trial.brokenUpload();
  await trial.abandonedReads();
  await trial.deletion();
  await trial.firstMarker();
  findings.report();
}

class Trial {
  constructor(
    private readonly data: ImageData,
    private readonly findings: Findings,
  ) {}

  async object(size: number): Promise<void> {
    const what = `an object of ${size} bytes`;
    const [key, bytes] = [randomUUID(), randomBytes(size)];
    await this.#write(what, key, bytes);
    const read = await this.#read(what, key, { first: 0, last: size - 1 });
    this.findings.expect(!read || read.equals(bytes), `${what}: it is read as other bytes than were written`);
    await this.#expectKeys(what, [key]);
    for await (const { bytes: listed, modifiedAt } of this.data.list()) {
      const isRecent = Math.abs(modifiedAt.getTime() - Date.now()) < DAY_MS;
      this.findings.expect(listed === size, `${what}: list has ${listed} bytes`);
      this.findings.expect(isRecent, `${what}: list has it of ${modifiedAt.toISOString()}, which is not now`);
    }
    await this.#delete(what, key);
  }

  async ranges(): Promise<void> {
    const key = randomUUID();
    await this.#write('an object', key, Buffer.from('0123456789'));
    for (const [range, wanted] of [
      [{ first: 2, last: 2 }, '2'],
      [{ first: 4, last: 9 }, '456789'],
    ] as const) {
      const what = `the range from ${range.first} to ${range.last}`;
      const read = await this.#read(what, key, range);
      this.findings.expect(
        !read || String(read) === wanted,
        `${what}: it is ${String(read)}, wanted is ${wanted}`,
      );
    }
    await this.#expectUnavailable('a range beyond the end', () => this.#bytesOf(key, { first: 8, last: 12 }));
    await this.#delete('an object', key);
  }

  async brokenUpload(): Promise<void> {
    const what = 'an object whose bytes fail';
    const key = randomUUID();
    const error = new Error('the client is gone');
    const broken = (async function* () {
      yield* chunksOf(randomBytes(9_000_000));
      throw error;
    })();
    const thrown = await this.data.write(key, broken).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    this.findings.expect(
      thrown === error,
      `${what}: write must throw their error, and has ${String(thrown)}`,
    );
    await this.#expectKeys(what, []);
    await this.#expectUnavailable(what, () => this.#bytesOf(key, { first: 0, last: 0 }));
    await this.#delete(what, key);
  }

  async abandonedReads(): Promise<void> {
    const what = 'a read after sixty that were left';
    const [key, bytes] = [randomUUID(), randomBytes(500_000)];
    await this.#write(what, key, bytes);
    const range = { first: 0, last: bytes.length - 1 };
    for (let count = 0; count < 60; count++) {
      await this.findings.attempt(what, async () => {
        const chunks = (await this.data.read(key, range))[Symbol.asyncIterator]();
        // Every other one is not even begun.
        if (count % 2 === 0) await chunks.next();
        await chunks.return?.();
      });
    }
    const read = await this.#read(what, key, range);
    this.findings.expect(!read || read.equals(bytes), `${what}: it has other bytes than were written`);
    await this.#delete(what, key);
  }

  async deletion(): Promise<void> {
    const [kept, deleted] = [randomUUID(), randomUUID()];
    for (const key of [kept, deleted]) await this.#write('an object', key, Buffer.from(key));
    await this.#delete('a deletion', deleted);
    await this.#delete('a second deletion', deleted);
    await this.#expectKeys('a deletion', [kept]);
    await this.#expectUnavailable('a deleted object', () => this.#bytesOf(deleted, { first: 0, last: 0 }));
    await this.#delete('a deletion', kept);
  }

  async marker(what: string, wanted: string | undefined): Promise<void> {
    const marker = await this.findings.attempt(`the marker of ${what}`, () => this.data.readMarker());
    this.findings.expect(marker === wanted, `the marker of ${what}: it is ${marker}, wanted is ${wanted}`);
  }

  async firstMarker(): Promise<void> {
    await this.findings.attempt('writeMarker', () => this.data.writeMarker('one'));
    await this.data.writeMarker('two').catch(() => undefined);
    await this.marker('a store that has one', 'one');
    await this.#expectKeys('a marker', []);
  }

  async #write(what: string, key: string, bytes: Buffer): Promise<void> {
    await this.findings.attempt(what, () => this.data.write(key, chunksOf(bytes), bytes.length));
  }

  #read(what: string, key: string, range: ByteRange): Promise<Buffer | undefined> {
    return this.findings.attempt(what, () => this.#bytesOf(key, range));
  }

  async #bytesOf(key: string, range: ByteRange): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of await this.data.read(key, range)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks);
  }

  async #delete(what: string, key: string): Promise<void> {
    await this.findings.attempt(`${what}: delete`, () => this.data.delete(key));
  }

  async #expectKeys(what: string, wanted: readonly string[]): Promise<void> {
    const keys = await this.findings.attempt(`${what}: list`, async () => {
      const all: string[] = [];
      for await (const { key } of this.data.list()) all.push(key);
      return all;
    });
    const holds = !keys || (keys.length === wanted.length && wanted.every((key) => keys.includes(key)));
    this.findings.expect(holds, `${what}: list has ${keys?.join(', ')}, wanted is ${wanted.join(', ')}`);
  }

  async #expectUnavailable(what: string, read: () => Promise<unknown>): Promise<void> {
    // By code: the store may have its own copy of the domain.
    const thrown = await read().then(
      () => undefined,
      (error: unknown) => (error as { code?: unknown }).code ?? String(error),
    );
    this.findings.expect(
      thrown === UNAVAILABLE,
      `${what}: read must throw ${UNAVAILABLE}, and has ${String(thrown)}`,
    );
  }
}

async function* chunksOf(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 65_536) {
    yield await Promise.resolve(bytes.subarray(at, at + 65_536));
  }
}
