const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Finds the end of one JSON value over the chunks of an input, by quotes and brackets alone. It stores nothing of the
 * value, however long or deep that is, and does not validate it; `JSON.parse` does.
 */
export class JsonExtent {
  /** The most arrays and objects that were open at a time. */
  deepest = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** @returns the end of the value in this chunk; undefined when it continues in the next */
  endIn(chunk: Uint8Array, start: number): number | undefined {
    for (let at = start; at < chunk.length; at++) {
      const byte = chunk[at];
      if (this.inString) {
        if (this.escaped) this.escaped = false;
        else if (byte === BACKSLASH) this.escaped = true;
        else if (byte === QUOTE) {
          this.inString = false;
          if (this.depth === 0) return at + 1;
        }
        continue;
      }
      switch (byte) {
        case QUOTE:
          this.inString = true;
          break;
        case 0x5b: // [
        case 0x7b: // {
          this.depth++;
          if (this.depth > this.deepest) this.deepest = this.depth;
          break;
        case 0x5d: // ]
        case 0x7d: // }
          // At depth 0 it closes the enclosing array or object, and the value was a number or a word.
          if (this.depth === 0) return at;
          this.depth--;
          if (this.depth === 0) return at + 1;
          break;
        case 0x2c: // ,
        case 0x20:
        case 0x0a:
        case 0x0d:
        case 0x09:
          if (this.depth === 0) return at;
      }
    }
    return undefined;
  }
}
