import { once } from 'node:events';
import { DataUnavailable, isUuid, printable } from '@glimpse/domain';
import type { ImageData, PartialObject } from '@glimpse/plugins';
import { StoredObjectCheck, type Database, type FoundObject, type Orphan } from '@glimpse/store';
import type { OwnStore } from '../../access/own-store.js';
import type { OwnStores } from '../../access/own-stores.js';
import {
  FINDING_KINDS,
  deletedFinding,
  missingFinding,
  orphanFinding,
  partialFinding,
  shownFinding,
  strayFinding,
  unknownStoreFinding,
  usageFinding,
  waitingFinding,
  type Finding,
} from './findings.js';
import { StoreFault } from './store-fault.js';

/** The objects of the store that are compared at a time. */
const BATCH_OBJECTS = 1_000;

/** Time between two reports of progress on a terminal. */
const PROGRESS_INTERVAL_MS = 100;

export interface CheckParts {
  readonly database: Database;
  readonly stores: OwnStores;
  /** Whether to mend what can be mended without a loss of bytes that an image needs. */
  readonly repair: boolean;
  /** Orphans that were written before are deleted; undefined: none. */
  readonly orphansBefore: Date | undefined;
}

/**
 * Compares the stores of image data with the catalogue, and prints a line for each finding.
 *
 * @returns whether no finding is left
 * @throws {WrongStore} {StoreFault} {CatalogueUnavailable}
 */
export async function checkData({ database, stores, repair, orphansBefore }: CheckParts): Promise<boolean> {
  // Another catalogue's store is refused before anything is reported.
  const compared = [];
  for (const store of stores.all) {
    const data = await named(store, store.compared());
    if (data) compared.push({ store, data });
  }
  if (compared.length === 0) {
    await print('nothing to check: neither the catalogue nor its store has image data');
    return true;
  }
  const check = await StoredObjectCheck.begin(database);
  const report = new Report();
  try {
    for (const { store, data } of compared) {
      await named(store, compareStore({ check, store, data, orphansBefore, report }));
    }
    await report.each(check.ofUnknownStores(stores.all.map(({ name }) => name)), unknownStoreFinding);
    await report.each(check.wronglyShown(), shownFinding, async ({ image }) => {
      if (!repair) return undefined;
      await check.showStores(image);
      return 'repaired: it names these';
    });
    await report.each(check.waitingImages(), waitingFinding, async (image) => {
      const status = repair ? await check.queue(image) : undefined;
      return status && `repaired: it is ${status}`;
    });
    await report.each(check.ofDeletedImages(), deletedFinding, async ({ id }) => {
      if (!repair) return undefined;
      await check.doom(id);
      return 'repaired: its bytes will be deleted';
    });
    await report.each(check.strayObjects(), strayFinding);
    await report.each(check.wrongUsage(), usageFinding, async ({ project }) => {
      if (!repair) return undefined;
      await check.recount(project);
      return 'repaired: counted again';
    });
    const { count, example } = await check.withoutData();
    if (count > 0) {
      await print(
        `note     ${count} active images never had data here, such as ${example}: only documents were imported`,
      );
    }
    await check.record(report.left);
  } finally {
    check.end();
  }
  await print(report.summary);
  return report.isClean;
}

/** @throws {StoreFault} the store is unavailable */
async function named<T>({ name }: OwnStore, result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw error instanceof DataUnavailable ? new StoreFault(name, error) : error;
  }
}

interface ComparedStore extends Pick<CheckParts, 'orphansBefore'> {
  readonly check: StoredObjectCheck;
  readonly store: OwnStore;
  readonly data: ImageData;
  readonly report: Report;
}

async function compareStore({ check, store, data, orphansBefore, report }: ComparedStore): Promise<void> {
  const { name } = store;
  const deleteOrphan = async ({ id, modifiedAt }: Orphan): Promise<string | undefined> => {
    if (!orphansBefore || modifiedAt >= orphansBefore) return undefined;
    await data.delete(id);
    return 'deleted';
  };
  await check.beginList();
  await addObjects(check, data.list(), (count) => report.listed(count));
  await report.each(check.missing(name), (object) => missingFinding(object, name));
  await report.each(check.orphans(name), (object) => orphanFinding(object, name), deleteOrphan);
  if (!data.listPartial) return;
  await check.beginList();
  await addObjects(check, withoutBytes(data.listPartial()));
  await report.each(check.orphans(name), (object) => partialFinding(object, name), deleteOrphan);
}

/** How many bytes there are is not known of what is not complete. */
async function* withoutBytes(objects: AsyncIterable<PartialObject>): AsyncGenerator<FoundObject> {
  for await (const object of objects) yield { ...object, bytes: 0 };
}

async function addObjects(
  check: StoredObjectCheck,
  objects: AsyncIterable<FoundObject>,
  onListed: (count: number) => void = () => undefined,
): Promise<void> {
  let batch: FoundObject[] = [];
  const add = async (): Promise<void> => {
    await check.add(batch);
    onListed(batch.length);
    batch = [];
  };
  for await (const object of objects) {
    // The store of a plugin may list more than its objects.
    if (!isUuid(object.key)) continue;
    batch.push(object);
    if (batch.length === BATCH_OBJECTS) await add();
  }
  await add();
  await check.listed();
}

/** The findings so far. */
class Report {
  #objects = 0;
  #mended = 0;
  #shown = 0;
  /** The findings that are not mended, by kind. */
  readonly left = Object.fromEntries(FINDING_KINDS.map((kind) => [kind, 0])) as Record<
    Finding['kind'],
    number
  >;

  get isClean(): boolean {
    return this.#countLeft() === 0;
  }

  get summary(): string {
    const found = this.#countLeft() + this.#mended;
    return `${this.#objects} objects in the store, ${found} findings, ${this.#mended} of them repaired or deleted`;
  }

  #countLeft(): number {
    return Object.values(this.left).reduce((sum, count) => sum + count, 0);
  }

  /** Counts objects of the store, and shows their number on a terminal. */
  listed(count: number): void {
    this.#objects += count;
    if (!process.stderr.isTTY || Date.now() - this.#shown < PROGRESS_INTERVAL_MS) return;
    this.#shown = Date.now();
    process.stderr.write(`\r\x1b[K${this.#objects} objects`);
  }

  /**
   * Prints findings.
   *
   * @param mend mends one, and says how; undefined if it does not
   */
  async each<T>(
    found: AsyncIterable<T>,
    findingOf: (one: T) => Finding,
    mend: (one: T) => Promise<string | undefined> = () => Promise.resolve(undefined),
  ): Promise<void> {
    for await (const one of found) {
      const { kind, text } = findingOf(one);
      const mended = await mend(one);
      if (mended === undefined) this.left[kind]++;
      else this.#mended++;
      await print(`${kind.padEnd(8)} ${text}${mended === undefined ? '' : ` (${mended})`}`);
    }
  }
}

async function print(line: string): Promise<void> {
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K');
  // A million lines are not kept for a slow reader.
  if (!process.stdout.write(`${printable(line)}\n`)) await once(process.stdout, 'drain');
}
