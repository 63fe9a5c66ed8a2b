/**
 * Runs the changes of each image one after the other: what a change requires depends on the image as it was read, so of
 * changes that run side by side all but one would be made again. Changes by other replicas are detected by the version.
 */
export class ChangeQueue {
  readonly #last = new Map<string, Promise<unknown>>();

  /** @param id the image's id, in either case */
  async run<T>(id: string, change: () => Promise<T>): Promise<T> {
    const key = id.toLowerCase();
    const before = this.#last.get(key);
    const result = before ? before.then(change, change) : change();
    this.#last.set(key, result);
    try {
      return await result;
    } finally {
      if (this.#last.get(key) === result) this.#last.delete(key);
    }
  }
}
