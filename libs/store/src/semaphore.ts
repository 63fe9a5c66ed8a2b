import { CatalogueBusy } from '@glimpse/domain';

export interface SemaphoreOptions {
  /** How many run at a time. */
  readonly permits: number;
  /** How many of these one key may have; all, if left out. */
  readonly permitsPerKey?: number;
  /** Milliseconds after which one that waits is refused. */
  readonly queueTimeoutMs: number;
}

interface Waiting {
  readonly key: string;
  readonly start: () => void;
}

/**
 * Bounds how many things run at a time, and how many of one key. When one ends, the key that has the fewest running
 * comes next, so that many of one key do not delay those of others.
 */
export class Semaphore {
  #free: number;
  readonly #perKey: number;
  readonly #queueTimeoutMs: number;
  readonly #running = new Map<string, number>();
  readonly #waiting = new Set<Waiting>();

  constructor({ permits, permitsPerKey = permits, queueTimeoutMs }: SemaphoreOptions) {
    this.#free = permits;
    this.#perKey = permitsPerKey;
    this.#queueTimeoutMs = queueTimeoutMs;
  }

  /** @throws {CatalogueBusy} it waited too long */
  async run<T>(work: () => Promise<T>, key = ''): Promise<T> {
    if (this.#mayStart(key)) this.#start(key);
    else await this.#wait(key);
    try {
      return await work();
    } finally {
      this.#end(key);
    }
  }

  #runningOf(key: string): number {
    return this.#running.get(key) ?? 0;
  }

  #mayStart(key: string): boolean {
    return this.#free > 0 && this.#runningOf(key) < this.#perKey;
  }

  #start(key: string): void {
    this.#free--;
    this.#running.set(key, this.#runningOf(key) + 1);
  }

  #end(key: string): void {
    this.#free++;
    const left = this.#runningOf(key) - 1;
    if (left === 0) this.#running.delete(key);
    else this.#running.set(key, left);
    this.#next()?.start();
  }

  /** Of those whose key has the fewest running, the one that waits longest. */
  #next(): Waiting | undefined {
    let next: Waiting | undefined;
    for (const waiting of this.#waiting) {
      if (!this.#mayStart(waiting.key)) continue;
      if (!next || this.#runningOf(waiting.key) < this.#runningOf(next.key)) next = waiting;
    }
    return next;
  }

  #wait(key: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        key,
        start: () => {
          this.#waiting.delete(waiting);
          clearTimeout(timer);
          this.#start(key);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(waiting);
        reject(new CatalogueBusy());
      }, this.#queueTimeoutMs);
      this.#waiting.add(waiting);
    });
  }
}
