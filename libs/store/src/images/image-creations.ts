import { CatalogueUnavailable } from '@glimpse/domain';
import type { Statement } from '../statement.js';
import { createStatement, type Creation } from './edit.js';
import type { ImageRow } from './image-columns.js';

/** A row of an image, without its members. */
export type EditedRow = Omit<ImageRow, 'members'>;

/** How many images a statement creates at most, and how long their documents are together before the last is added. */
const MAX_IMAGES = 100;
const MAX_CHARACTERS = 1_000_000;

interface Waiting {
  readonly creation: Creation;
  readonly resolve: (row: EditedRow) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Creates images of generated ids, by one statement at a time: images that arrive meanwhile share the next one. Commits
 * that notify replicas wait for each other on the whole server, each for the flush of the one before.
 */
export class ImageCreations {
  #waiting: Waiting[] = [];
  #isRunning = false;

  constructor(private readonly write: (statement: Statement) => Promise<EditedRow[]>) {}

  create(creation: Creation): Promise<EditedRow> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ creation, resolve, reject });
      if (!this.#isRunning) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) await this.#createTogether(this.#next());
    this.#isRunning = false;
  }

  #next(): Waiting[] {
    let characters = 0;
    const end = this.#waiting.findIndex(({ creation }, at) => {
      if (at === MAX_IMAGES || characters > MAX_CHARACTERS) return true;
      characters += creation.document.length;
      return false;
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #createTogether(batch: readonly Waiting[]): Promise<void> {
    try {
      const rows = await this.write(createStatement(batch.map(({ creation }) => creation)));
      const byId = new Map(rows.map((row) => [row.id, row]));
      for (const { creation, resolve } of batch) resolve(byId.get(creation.id)!);
    } catch (error) {
      if (error instanceof CatalogueUnavailable) {
        // Those that wait would only wait for the same database once more.
        for (const { reject } of [...batch, ...this.#waiting.splice(0)]) reject(error);
      } else if (batch.length > 1) {
        // An image that PostgreSQL refuses does not keep the others from being created.
        for (const one of batch) await this.#createTogether([one]);
      } else batch[0]!.reject(error);
    }
  }
}
