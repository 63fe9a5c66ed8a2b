import { PatternError } from './errors.js';

/** Reads a pattern by what Python reads as one: a character, or a backslash with the character behind it. */
export class Scanner {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  /** What comes next; undefined at the end. */
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

  take(): string | undefined {
    const { next } = this;
    if (next !== undefined) this.#at += next.startsWith('\\') ? 2 : 1;
    return next;
  }

  /** Passes over what comes next if it is that. */
  accept(wanted: string): boolean {
    const accepted = this.next === wanted;
    if (accepted) this.take();
    return accepted;
  }

  /** The characters that come next, as long as they match, and at most so many. */
  takeWhile(matching: RegExp, most = Infinity): string {
    let taken = '';
    for (let count = 0; count < most && this.next !== undefined && matching.test(this.next); count++) {
      taken += this.take();
    }
    return taken;
  }

  /** All up to a character, which is passed over. */
  takeUntil(end: string, name: string): string {
    let taken = '';
    for (;;) {
      const character = this.take();
      if (character === end && taken !== '') return taken;
      if (character === undefined || character === end) throw this.error(`missing ${name}`);
      taken += character;
    }
  }

  returnTo(position: number): void {
    this.#at = position;
  }

  error(reason: string): PatternError {
    return new PatternError(`${reason} at position ${this.#at}`);
  }
}
