/** Allows a number of lines each second, and counts the others. */
export class LineBudget {
  #second = -Infinity;
  #left = 0;
  #omitted = 0;

  constructor(
    private readonly linesPerSecond: number,
    /** A monotonic clock, in seconds. */
    private readonly now: () => number = () => performance.now() / 1000,
  ) {}

  /** @returns the number of lines omitted before this one; undefined where this one is omitted, too */
  spend(): number | undefined {
    const now = this.now();
    if (now - this.#second >= 1) {
      this.#second = now;
      this.#left = this.linesPerSecond;
    }
    if (this.#left === 0) {
      this.#omitted++;
      return undefined;
    }
    this.#left--;
    const omitted = this.#omitted;
    this.#omitted = 0;
    return omitted;
  }
}
