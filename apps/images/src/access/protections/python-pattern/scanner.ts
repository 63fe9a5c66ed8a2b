import { PatternError } from './errors.js';

/** Reads a pattern by Python's tokens: a character, or a backslash with the character after it. */
export class Scanner {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  /** The next token; undefined at the end. */
  get next(): string | undefined {
    const character = this.#characters[this.#at];
    if (character !== '\\') return character;
    const escaped = this.#characters[this.#at + 1];
    if (escaped === undefined) throw this.error('bad escape (end of pattern)');
    return character + escaped;
  }

  get position(): number {
    return this.#at;
  }

  advance(): string | undefined {
    const { next } = this;
    if (next !== undefined) this.#at += next.startsWith('\\') ? 2 : 1;
    return next;
  }

  /** Skips the next token if it is the given one. */
  accept(wanted: string): boolean {
    const accepted = this.next === wanted;
    if (accepted) this.advance();
    return accepted;
  }

  /** The next characters that match, up to a maximum. */
  readWhile(matching: RegExp, most = Infinity): string {
    let text = '';
    for (let count = 0; count < most && this.next !== undefined && matching.test(this.next); count++) {
      text += this.advance();
    }
    return text;
  }

  /** Everything up to a character, which is skipped. */
  readUntil(end: string, name: string): string {
    let text = '';
    for (;;) {
      const character = this.advance();
      if (character === end && text !== '') return text;
      if (character === undefined || character === end) throw this.error(`missing ${name}`);
      text += character;
    }
  }

  returnTo(position: number): void {
    this.#at = position;
  }

  error(reason: string): PatternError {
    return new PatternError(`${reason} at position ${this.#at}`);
  }
}
