/** How many arrays and objects may be open at a time: the documents of the Image API have seven at most. */
export const MAX_DEPTH = 32;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NULL = Buffer.from('null');

/** More bytes than are kept of one text. */
export class TextTooLong extends Error {}

export interface JsonBounds {
  /** The most bytes that are kept. */
  readonly maxBytes: number;
  /** Strings of more bytes become empty; unset: none does. */
  readonly maxStringBytes?: number | undefined;
}

/**
 * Collects a JSON text from its chunks within bounds. Arrays and objects deeper than {@link MAX_DEPTH} become null:
 * parsing a million of them needs a second, and writing them overflows the stack.
 *
 * @example
 * const json = new BoundedJson({ maxBytes: 1_048_576 });
 * for await (const chunk of body) json.add(chunk);
 * json.parse();
 */
export class BoundedJson {
  readonly #parts: Buffer[] = [];
  #bytes = 0;
  #depth = 0;
  /** Whether the current place is deeper than what is kept. */
  #skipping = false;
  #inString = false;
  #escaped = false;
  /** Where the current string began: how many parts and bytes there were. */
  #string = { parts: 0, bytes: 0 };
  #stringBytes = 0;

  constructor(private readonly bounds: JsonBounds) {}

  /** @throws {TextTooLong} */
  add(chunk: Buffer): void {
    let from = 0;
    // Where the next ones are, found natively and once each: most bytes of an answer are in strings.
    let quote = -1;
    let backslash = -1;
    for (let at = 0; at < chunk.length; at++) {
      if (this.#escaped) {
        this.#escaped = false;
        this.#stringBytes++;
        continue;
      }
      if (this.#inString) {
        if (quote < at) quote = indexOf(chunk, QUOTE, at);
        if (backslash < at) backslash = indexOf(chunk, BACKSLASH, at);
        const end = Math.min(quote, backslash);
        this.#stringBytes += end + 1 - at;
        at = end;
        if (at === chunk.length) break;
        if (at === backslash) {
          this.#escaped = true;
          continue;
        }
        this.#inString = false;
        if (this.#dropLongString()) from = at;
        continue;
      }
      switch (chunk[at]) {
        case QUOTE:
          this.#inString = true;
          this.#stringBytes = 0;
          if (this.bounds.maxStringBytes === undefined) break;
          this.#keep(chunk, from, at + 1);
          from = at + 1;
          this.#string = { parts: this.#parts.length, bytes: this.#bytes };
          break;
        case 0x5b: // [
        case 0x7b: // {
          if (++this.#depth !== MAX_DEPTH + 1) break;
          this.#keep(chunk, from, at);
          this.#keep(NULL, 0, NULL.length);
          this.#skipping = true;
          break;
        case 0x5d: // ]
        case 0x7d: // }
          if (this.#depth-- !== MAX_DEPTH + 1) break;
          this.#skipping = false;
          from = at + 1;
      }
    }
    this.#keep(chunk, from, chunk.length);
    if (this.#inString) this.#dropLongString();
    if (this.#bytes > this.bounds.maxBytes) throw new TextTooLong();
  }

  /** @throws {SyntaxError} it is not JSON */
  parse(): unknown {
    return JSON.parse(new TextDecoder().decode(Buffer.concat(this.#parts, this.#bytes)));
  }

  #keep(chunk: Buffer, from: number, end: number): void {
    if (this.#skipping || from === end) return;
    this.#parts.push(chunk.subarray(from, end));
    this.#bytes += end - from;
  }

  #dropLongString(): boolean {
    if (this.#stringBytes <= (this.bounds.maxStringBytes ?? Infinity)) return false;
    this.#parts.length = this.#string.parts;
    this.#bytes = this.#string.bytes;
    return true;
  }
}

/** The length where there is none. */
function indexOf(chunk: Buffer, byte: number, from: number): number {
  const at = chunk.indexOf(byte, from);
  return at === -1 ? chunk.length : at;
}
