import { refusalIn } from '@glimpse/store';

/** How many rows go into a statement. */
const BATCH_SIZE = 500;

/**
 * Rows on their way to the catalogue, some hundred a statement and each id once, so that of two rows for the
 * same id the later one meets the earlier in the catalogue.
 */
export class Batch<Row> {
  readonly #rows = new Map<string, Row>();

  constructor(
    private readonly write: (rows: readonly Row[]) => Promise<void>,
    /** Hears of a row that PostgreSQL refuses. */
    private readonly refused: (row: Row, reason: string) => void,
  ) {}

  async add(id: string, row: Row): Promise<void> {
    if (this.#rows.size === BATCH_SIZE || this.#rows.has(id)) await this.flush();
    this.#rows.set(id, row);
  }

  /**
   * Writes the rows that wait. When PostgreSQL refuses one, it refuses its statement: then each is written
   * by itself, and the good ones are not lost.
   *
   * @throws what pg says when the fault is in none of the rows, such as a lost connection
   */
  async flush(): Promise<void> {
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    if (rows.length === 0) return;
    try {
      await this.write(rows);
    } catch (error) {
      refusalIn(error);
      for (const row of rows) await this.#writeAlone(row);
    }
  }

  async #writeAlone(row: Row): Promise<void> {
    try {
      await this.write([row]);
    } catch (error) {
      this.refused(row, refusalIn(error));
    }
  }
}
