import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '@glimpse/domain';
import type { LastCheck, StoredImageObjects, Writing } from '@glimpse/store';
import { reasonOf } from './data-errors.js';
import type { OwnStore } from './own-store.js';
import type { OwnStores } from './own-stores.js';

/** Milliseconds between two sweeps. */
const SWEEP_MS = 10_000;

/** After so many sweeps that found the beat of a writer unchanged, the writer is assumed dead: a minute. */
const MAX_STILL_SWEEPS = 6;

interface Seen {
  readonly beat: string;
  /** The sweeps that found the same beat. */
  readonly sweeps: number;
}

/**
 * Deletes the bytes of objects that no image needs any more, gives up the uploads of writers that died, and forgets
 * imports that are over for long. It counts only sweeps that it made itself: an outage of the database, in which no writer
 * could show that it lives, ends no upload.
 */
export class DataSweeper {
  #seen = new Map<string, Seen>();
  readonly #queued = new Map<OwnStore, number>();
  #isNamed: boolean;
  #emptyAt = performance.now();
  #lastCheck: LastCheck | undefined;

  constructor(
    private readonly objects: StoredImageObjects,
    private readonly stores: OwnStores,
    private readonly onFault: (reason: string) => void,
  ) {
    this.#isNamed = !stores.haveNames;
  }

  /** Objects whose bytes are to be deleted, as of the last sweep; NaN before the first one. */
  get queued(): number {
    return this.stores.all.reduce((sum, store) => sum + (this.#queued.get(store) ?? NaN), 0);
  }

  /** Seconds since nothing was left to delete. */
  get age(): number {
    return (performance.now() - this.#emptyAt) / 1000;
  }

  /** The last check of the stores, as of the last sweep; undefined if there was none. */
  get lastCheck(): LastCheck | undefined {
    return this.#lastCheck;
  }

  /** Sweeps until stopped. */
  async run(stop: AbortSignal): Promise<void> {
    // Not at the start, when requests need the database more.
    while (await pause(stop)) {
      try {
        await this.sweep(stop);
      } catch (error) {
        // An outage of the database is reported by its probe.
        if (!(error instanceof DomainError) || !error.code.startsWith('catalogue-')) {
          this.onFault(reasonOf(error as Error));
        }
      }
    }
  }

  /** Sweeps once, until nothing is left to delete. @throws {WrongStore} {DataUnavailable} {CatalogueUnavailable} */
  async sweep(stop?: AbortSignal): Promise<void> {
    await this.#giveUp(await this.#dead());
    await this.objects.imports.sweep();
    this.#lastCheck = await this.objects.lastCheck();
    let fault: unknown;
    for (const store of this.stores.all) {
      try {
        await this.#sweepStore(store, stop);
      } catch (error) {
        // One that is unavailable must not keep the others.
        fault ??= error;
      }
    }
    if (fault !== undefined) throw fault;
    if (this.queued === 0) this.#emptyAt = performance.now();
    await this.#nameStores();
  }

  async #sweepStore(store: OwnStore, stop?: AbortSignal): Promise<void> {
    let doomed = await this.objects.doomed(store.name);
    while (doomed.length > 0) {
      this.#queued.set(store, await this.objects.countDoomed(store.name));
      if (stop?.aborted) return;
      await this.#delete(store, doomed);
      doomed = await this.objects.doomed(store.name);
    }
    this.#queued.set(store, 0);
  }

  async #delete(store: OwnStore, doomed: readonly string[]): Promise<void> {
    const data = await store.verified();
    let fault: unknown;
    for (const id of doomed) {
      try {
        await data.delete(id);
      } catch (error) {
        // One that cannot be deleted must not keep the others.
        fault ??= error;
        continue;
      }
      await this.objects.swept(id);
      this.#queued.set(store, this.#queued.get(store)! - 1);
    }
    if (fault !== undefined) throw fault;
  }

  /** Names the store of the objects that are from when there was one, once after the start. */
  async #nameStores(): Promise<void> {
    if (this.#isNamed || (await this.objects.identity()).firstStore === null) return;
    await this.objects.nameStores();
    this.#isNamed = true;
  }

  /** Gives up uploads and imports whose writers are dead. */
  async #giveUp(dead: readonly Writing[]): Promise<void> {
    const imports = new Map<string, Writing[]>();
    for (const object of dead) {
      const { image, id, importId } = object;
      if (importId === null) await this.objects.giveUp({ image, id });
      else imports.set(importId, [...(imports.get(importId) ?? []), object]);
    }
    for (const [id, objects] of imports) {
      const failed = objects.flatMap(({ store }) => store ?? []);
      const failure = 'The service that copied the data has ended.';
      const step = { failed, ends: true, failure, size: 0 };
      await this.objects.imports.settle({ image: objects[0]!.image, id }, step);
    }
  }

  async #dead(): Promise<Writing[]> {
    const writing = await this.objects.writing();
    const before = this.#seen;
    this.#seen = new Map(
      writing.map(({ id, beat }) => {
        const known = before.get(id);
        return [id, { beat, sweeps: known?.beat === beat ? known.sweeps + 1 : 0 }];
      }),
    );
    return writing.filter(({ id }) => this.#seen.get(id)!.sweeps >= MAX_STILL_SWEEPS);
  }
}

/** Waits for the next sweep; false if it was stopped. */
async function pause(stop: AbortSignal): Promise<boolean> {
  await sleep(SWEEP_MS, undefined, { signal: stop }).catch(() => undefined);
  return !stop.aborted;
}
