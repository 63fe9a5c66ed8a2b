import { refusalIn } from '@glimpse/store';

/** The number of rows that one statement writes. */
const BATCH_SIZE = 500;

/**
 * Collects rows for the catalogue and writes some hundred with one statement. An id occurs once in a batch: a second
 * row for it is written by a later statement.
 */
export class Batch<Row> {
  readonly #rows = new Map<string, Row>();

  constructor(
    private readonly write: (rows: readonly Row[]) => Promise<void>,
    /** Called for each row that PostgreSQL refuses. */
    private readonly refused: (row: Row, reason: string) => void,
  ) {}

  async add(id: string, row: Row): Promise<void> {
    if (this.#rows.size === BATCH_SIZE || this.#rows.has(id)) await this.flush();
    this.#rows.set(id, row);
  }

  /**
   * Writes the collected rows. When PostgreSQL refuses one, the whole statement fails: then each row is written by
   * itself, so that the valid ones are not lost.
   *
   * @throws pg's error when its cause is not a row, such as a lost connection
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
