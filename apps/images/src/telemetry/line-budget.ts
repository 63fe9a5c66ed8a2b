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

  /** @returns how many lines were omitted before this one, or undefined where this one is to be omitted, too */
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
