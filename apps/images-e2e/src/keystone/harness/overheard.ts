/** How every token of Keystone's begins that is signed with Fernet keys, the service's own as well. */
const TOKEN = /gAAAAA[\w-]{20,}/;

/** All that a suite's services said to anybody, and what they must not say. */
export class Overheard {
  readonly #said: string[] = [];
  readonly #secrets: string[] = [];

  hear(...texts: readonly string[]): void {
    this.#said.push(...texts);
  }

  /** Says that this is nobody's business. */
  keep(...secrets: readonly string[]): void {
    this.#secrets.push(...secrets);
  }

  /** How much there was to hear, in characters. */
  get length(): number {
    return this.#said.reduce((sum, { length }) => sum + length, 0);
  }

  /** What was said with a token or a secret in it, cut short around that. */
  leaks(): string[] {
    return this.#said.flatMap((text) => {
      const places = [text.search(TOKEN), ...this.#secrets.map((secret) => text.indexOf(secret))];
      return places.filter((at) => at >= 0).map((at) => text.slice(Math.max(0, at - 80), at + 10));
    });
  }
}
