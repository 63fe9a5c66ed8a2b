import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs something once for all callers that wait for it: one run at a time, and a rest after each. What a caller gets
 * is of a run that began after the call, so it is never older than the call.
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
