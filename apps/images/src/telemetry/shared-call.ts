import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Shares the runs of a function between callers: one run at a time, with a pause after each. A caller gets the result
 * of a run that began after its call, so it is never older than the call.
 */
export class SharedCall<T> {
  #next: Promise<T> | undefined;
  #rested: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly run: () => Promise<T>,
    private readonly restMs: number,
  ) {}

  call(): Promise<T> {
    return (this.#next ??= this.#runNext());
  }

  async #runNext(): Promise<T> {
    await this.#rested;
    this.#next = undefined;
    const result = this.run();
    const rest = (): Promise<void> => sleep(this.restMs, undefined, { ref: false });
    this.#rested = result.then(rest, rest);
    return result;
  }
}
