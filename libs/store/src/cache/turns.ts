import { CatalogueUnavailable } from '@glimpse/domain';

/** Nobody made room within the deadline. That says nothing about the database. */
export class NoTurn extends CatalogueUnavailable {}

/** Lets so many do something at a time; the others wait for their turn, first come, first served. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  /** @param patience milliseconds that somebody waits */
  constructor(
    atOnce: number,
    private readonly patience: number,
  ) {
    this.#free = atOnce;
  }

  /** @throws {NoTurn} */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await this.#wait();
    try {
      return await work();
    } finally {
      const [next] = this.#waiting;
      if (next) next();
      else this.#free++;
    }
  }

  #wait(): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        this.#waiting.delete(enter);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(enter);
        reject(new NoTurn());
      }, this.patience);
      this.#waiting.add(enter);
    });
  }
}
