const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Follows one JSON value through the chunks of an input to its end, by quotes and brackets alone. It keeps
 * nothing of the value, however long or deep that is; whether it is valid is for `JSON.parse` to say.
 */
export class JsonExtent {
  /** The most arrays and objects that were open at a time. */
  deepest = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;

  /** @returns where the value ends in this chunk; nothing, when it goes on in the next */
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
          // At depth 0 it closes what the value is in, and the value was a number or a word.
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
