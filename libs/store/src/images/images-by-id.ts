import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Database } from '../connection/database.js';

/** The most images that one query reads. */
const MAX_BATCH = 100;

/**
 * Images by their ids, with the members of shared ones: most are not shared, and need no second query. Served by the
 * primary keys of images and members, and of `mirrored` in a mirror. That is read first: an image that was written in
 * between is fetched once more than needed, and never taken for current when it is not.
 */
async function find(database: Database, ids: ReadonlySet<string>, isMirror: boolean) {
  const prisma = await database.prisma();
  const mirrored = isMirror ? await prisma.mirrored.findMany({ where: { imageId: { in: [...ids] } } }) : [];
  const outdated = new Set(mirrored.filter((row) => !isCurrent(row)).map(({ imageId }) => imageId));
  const images = await prisma.image.findMany({ where: { id: { in: [...ids] }, deletedAt: null } });
  const shared = images.filter(({ visibility }) => visibility === 'shared').map(({ id }) => id);
  const members = shared.length ? await prisma.member.findMany({ where: { imageId: { in: shared } } }) : [];
  return images.map((image) => ({
    ...image,
    attributesCurrent: !outdated.has(image.id),
    members: members.filter(({ imageId }) => imageId === image.id),
  }));
}

interface Tickets {
  readonly ticket: bigint;
  readonly attributesTicket: bigint;
  readonly hasMembers: boolean;
  readonly membersTicket: bigint;
  readonly memberTimesTicket: bigint;
}

/** Whether this release wrote the image last, and its members if it has any. */
function isCurrent(row: Tickets): boolean {
  const hasTimes = !row.hasMembers || row.memberTimesTicket === row.membersTicket;
  return row.attributesTicket === row.ticket && hasTimes;
}

type Found = Awaited<ReturnType<typeof find>>[number];

/** The images of one query. */
interface Batch {
  readonly ids: Set<string>;
  readonly found: Promise<ReadonlyMap<string, Found>>;
}

/**
 * Reads images by id, in one query for all requests of one turn of the event loop. The cost of Prisma Client is per
 * query, hardly per row; so the more reads at a time, the less each costs.
 */
export class ImagesById {
  #batch: Batch | undefined;

  constructor(
    private readonly database: Database,
    private readonly isMirror: boolean,
  ) {}

  /** @param id as it is stored */
  async read(id: string): Promise<Found | undefined> {
    if (!this.#batch || this.#batch.ids.size === MAX_BATCH) this.#batch = this.#begin();
    this.#batch.ids.add(id);
    return (await this.#batch.found).get(id);
  }

  #begin(): Batch {
    const ids = new Set<string>();
    const found = endOfTurn().then(async () => {
      // Later requests need the state after this query was sent.
      if (this.#batch?.ids === ids) this.#batch = undefined;
      const images = await find(this.database, ids, this.isMirror);
      return new Map(images.map((image) => [image.id, image]));
    });
    return { ids, found };
  }
}
