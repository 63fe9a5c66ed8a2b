/** The form of Keystone's Fernet tokens, the service's own as well. */
const TOKEN = /gAAAAA[\w-]{20,}/;

/** The output of a suite's services, and the secrets that must not be in it. */
export class RecordedOutput {
  readonly #output: string[] = [];
  readonly #secrets: string[] = [];

  record(...texts: readonly string[]): void {
    this.#output.push(...texts);
  }

  addSecrets(...secrets: readonly string[]): void {
    this.#secrets.push(...secrets);
  }

  /** The length of the output in characters. */
  get length(): number {
    return this.#output.reduce((sum, { length }) => sum + length, 0);
  }

  /** Excerpts of the output that contain a token or a secret. */
  leaks(): string[] {
    return this.#output.flatMap((text) => {
      const places = [text.search(TOKEN), ...this.#secrets.map((secret) => text.indexOf(secret))];
      return places.filter((at) => at >= 0).map((at) => text.slice(Math.max(0, at - 80), at + 10));
    });
  }
}
