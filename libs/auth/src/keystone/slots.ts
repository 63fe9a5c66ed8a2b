import { NoSlot } from './cannot-ask.js';

/** Places for calls that run at once, and a line in front of them. */
interface Lane {
  readonly places: number;
  readonly length: number;
  running: number;
  readonly line: Set<() => void>;
}

function lane(places: number, length: number): Lane {
  return { places, length, running: 0, line: new Set() };
}

/**
 * Lets so many calls run at once, and so many more wait for their turn. Calls of `no-cache` requests, which
 * anybody can provoke at will, have a quarter of both, so that they keep nobody else out.
 */
export class Slots {
  readonly #all: Lane;
  readonly #fresh: Lane;

  constructor(concurrency: number, queue: number) {
    this.#all = lane(concurrency, queue);
    this.#fresh = lane(Math.max(1, Math.floor(concurrency / 4)), Math.floor(queue / 4));
  }

  /**
   * @param signal ends the waiting, not the call
   * @throws {NoSlot}
   */
  async run<T>(
    call: () => Promise<T>,
    { fresh, signal }: { readonly fresh: boolean; readonly signal: AbortSignal },
  ): Promise<T> {
    if (!this.#enter(fresh)) await this.#turn(fresh, signal);
    try {
      return await call();
    } finally {
      this.#leave(fresh);
    }
  }

  #enter(fresh: boolean): boolean {
    const lanes = fresh ? [this.#fresh, this.#all] : [this.#all];
    if (lanes.some(({ running, places }) => running >= places)) return false;
    for (const lane of lanes) lane.running++;
    return true;
  }

  #turn(fresh: boolean, signal: AbortSignal): Promise<void> {
    const { line, length } = fresh ? this.#fresh : this.#all;
    if (line.size >= length || signal.aborted)
      return Promise.reject(new NoSlot('too many are asking already'));
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = (): void => {
        line.delete(enter);
        reject(new NoSlot('too many are asking already'));
      };
      signal.addEventListener('abort', giveUp, { once: true });
      line.add(enter);
    });
  }

  #leave(fresh: boolean): void {
    this.#all.running--;
    if (fresh) this.#fresh.running--;
    for (const next of [false, true]) {
      const { line } = next ? this.#fresh : this.#all;
      const [enter] = line;
      if (!enter || !this.#enter(next)) continue;
      line.delete(enter);
      enter();
      return;
    }
  }
}
