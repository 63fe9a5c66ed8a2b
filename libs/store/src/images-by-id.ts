import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Database } from './database.js';

/** The most images that one query reads. */
const MOST = 100;

/** Images by their ids; served by the primary keys of images and members. */
function find({ prisma }: Database, ids: Iterable<string>) {
  return prisma.image.findMany({
    where: { id: { in: [...ids] }, deletedAt: null },
    include: { members: true },
  });
}

type Found = Awaited<ReturnType<typeof find>>[number];

/** What is read by one query. */
interface Batch {
  readonly ids: Set<string>;
  readonly found: Promise<ReadonlyMap<string, Found>>;
}

/**
 * Reads images by id: all that are asked for in one turn of the event loop by one query. Prisma Client costs
 * what it costs for each query, hardly more for one that reads many rows; so a read costs the less the more
 * there are at a time.
 */
export class ImagesById {
  #batch: Batch | undefined;

  constructor(private readonly database: Database) {}

  /** @param id as it is stored */
  async read(id: string): Promise<Found | undefined> {
    if (!this.#batch || this.#batch.ids.size === MOST) this.#batch = this.#begin();
    this.#batch.ids.add(id);
    return (await this.#batch.found).get(id);
  }

  #begin(): Batch {
    const ids = new Set<string>();
    const found = endOfTurn().then(async () => {
      // Whoever comes from now on wants what there is after this query was sent.
      if (this.#batch?.ids === ids) this.#batch = undefined;
      const images = await find(this.database, ids);
      return new Map(images.map((image) => [image.id, image]));
    });
    return { ids, found };
  }
}
