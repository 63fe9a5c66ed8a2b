import { JsonExtent } from './json-extent.js';
import { UnreadableInput } from './unreadable-input.js';

/** How many arrays and objects may be open at a time in a value. */
export const MAX_DEPTH = 64;

/** A JSON value, or why it was not read. */
export type JsonValue = { readonly value: unknown } | { readonly refusal: string };

const WHITE_SPACE = ' \n\r\t';

/** The byte order mark is read before; `ignoreBOM` preserves a U+FEFF that is part of a text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Reads a JSON text that does not fit into memory, one value at a time. Holds one chunk, and the value that is being
 * read.
 *
 * @example
 * const input = new JsonInput(createReadStream('images.json'));
 * for await (const image of input.elements(1_048_576)) use(image);
 */
export class JsonInput {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();
  /** The position of the next byte in the chunk. */
  #at = 0;
  /** The number of bytes in the chunks before. */
  #before = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** The bytes read so far. */
  get offset(): number {
    return this.#before + this.#at;
  }

  /** Skips white space. @returns the next byte as a character; '' at the end of the input */
  async peek(): Promise<string> {
    while (await this.#fill()) {
      for (; this.#at < this.#chunk.length; this.#at++) {
        const found = String.fromCharCode(this.#chunk[this.#at]!);
        if (!WHITE_SPACE.includes(found)) return found;
      }
    }
    return '';
  }

  /**
   * Reads one of several characters.
   *
   * @throws {UnreadableInput} another one is next
   */
  async pass(allowed: string): Promise<string> {
    const found = await this.peek();
    if (found === '' || !allowed.includes(found)) {
      throw await this.unexpected([...allowed].map((character) => `"${character}"`).join(' or '));
    }
    this.#at++;
    return found;
  }

  /** Skips a UTF-8 byte order mark, if there is one. */
  async passByteOrderMark(): Promise<void> {
    if ((await this.peek()) === '\xef') for (const byte of '\xef\xbb\xbf') await this.pass(byte);
  }

  /**
   * Reads the next value. One that is longer than a limit in bytes, or deeper than `MAX_DEPTH`, is skipped without
   * being stored or validated.
   *
   * @throws {UnreadableInput} it is not JSON, or the input ends in it
   */
  async value(limit: number): Promise<JsonValue> {
    // An empty string, the end of the input, is part of any.
    if (',:]}'.includes(await this.peek())) throw await this.unexpected('a value');
    const start = this.offset;
    const extent = new JsonExtent();
    const parts: Uint8Array[] = [];
    for (let end: number | undefined; end === undefined;) {
      if (!(await this.#fill())) {
        throw new UnreadableInput(this.offset, `the input ends in the value that began at byte ${start}`);
      }
      const from = this.#at;
      end = extent.endIn(this.#chunk, from);
      this.#at = end ?? this.#chunk.length;
      if (this.offset - start > limit || extent.deepest > MAX_DEPTH) parts.length = 0;
      else parts.push(this.#chunk.subarray(from, this.#at));
    }
    if (extent.deepest > MAX_DEPTH) return { refusal: `it is nested deeper than ${MAX_DEPTH}` };
    if (this.offset - start > limit) return { refusal: `it is longer than ${limit} bytes` };
    return { value: parse(parts, start) };
  }

  /**
   * Reads the values of an array.
   *
   * @throws {UnreadableInput} as `value` does, or no array is next
   */
  async *elements(limit: number): AsyncGenerator<JsonValue, void> {
    await this.pass('[');
    if ((await this.peek()) === ']') {
      await this.pass(']');
      return;
    }
    do yield await this.value(limit);
    while ((await this.pass(',]')) === ',');
  }

  /**
   * Reads the names in an object. After each name the caller reads its value, before the next name.
   *
   * @throws {UnreadableInput} no object is next, or one with a name longer than the limit in bytes
   */
  async *names(limit: number): AsyncGenerator<string, void> {
    await this.pass('{');
    if ((await this.peek()) === '}') {
      await this.pass('}');
      return;
    }
    do {
      if ((await this.peek()) !== '"') throw await this.unexpected('a name in quotes');
      const start = this.offset;
      const name = await this.value(limit);
      if ('refusal' in name) throw new UnreadableInput(start, `a name: ${name.refusal}`);
      await this.pass(':');
      yield name.value as string;
    } while ((await this.pass(',}')) === ',');
  }

  /** The error for an unexpected character at the present position. */
  async unexpected(expected: string): Promise<UnreadableInput> {
    const found = await this.peek();
    return new UnreadableInput(
      this.offset,
      `expected ${expected}, but ${found === '' ? 'the input ends' : `found ${JSON.stringify(found)}`}`,
    );
  }

  /** Releases the source of the chunks. */
  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  /** Ensures that there is a next byte. @returns false at the end of the input */
  async #fill(): Promise<boolean> {
    while (this.#at === this.#chunk.length) {
      const { done, value } = await this.#chunks.next();
      if (done) return false;
      this.#before += this.#chunk.length;
      this.#chunk = value;
      this.#at = 0;
    }
    return true;
  }
}

function parse(parts: readonly Uint8Array[], start: number): unknown {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  try {
    return JSON.parse(UTF8.decode(bytes));
  } catch (error) {
    const reason = error instanceof SyntaxError ? error.message : 'it is not UTF-8';
    // The message quotes the text around the fault, which may hold control characters.
    const printable = reason.replace(/\p{Cc}+/gu, ' ');
    throw new UnreadableInput(start, `the value to byte ${start + bytes.length} is broken: ${printable}`);
  }
}
