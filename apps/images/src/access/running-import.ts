import { Digest } from '@glimpse/data';
import { DataUnavailable } from '@glimpse/domain';
import type { ImageImport, ImportStep, ImportedObject, StoredImageObjects } from '@glimpse/store';
import { UploadCutOff, UploadGone, reasonOf } from './data-errors.js';
import { BEAT_MS } from './image-data.js';
import type { OwnStores } from './own-stores.js';
import { openCopies, type StoredCopy } from './stored-copies.js';

/** The data that an import copies. */
export interface ImportSource {
  readonly copies: readonly StoredCopy[];
  readonly size: number;
  /** SHA-512, hexadecimal; null where it is not known. */
  readonly hash: string | null;
  /** The object, where the image waits for the import. */
  readonly staged: { readonly id: string; readonly store: string } | undefined;
}

/** A store that an import could not copy to. */
export interface ImportFault {
  readonly image: string;
  readonly store: string;
  readonly reason: string;
}

interface ImportPlan extends ImageImport {
  /** The objects to write. */
  readonly objects: readonly ImportedObject[];
  readonly source: ImportSource;
  readonly allMustSucceed: boolean;
  /** Whether the staged object becomes data of the image where it is. */
  readonly adopts: boolean;
}

/**
 * An import that copies bytes from store to store. If this process dies, the sweeper finds the objects that are still
 * `writing` and ends the import.
 */
export class RunningImport {
  readonly #cutOff = new AbortController();

  constructor(
    private readonly imports: StoredImageObjects['imports'],
    private readonly stores: OwnStores,
    private readonly plan: ImportPlan,
  ) {}

  /** Ends it: what is not copied by then has failed. */
  end(): void {
    this.#cutOff.abort(new UploadCutOff());
  }

  /**
   * Copies the data to each store, one after another. While the database is unavailable, the sweeper settles it later.
   *
   * @param onFault called with each store that failed
   */
  async run(onFault: (fault: ImportFault) => void): Promise<void> {
    const beats = setInterval(() => {
      // During an outage of the database the import goes on.
      void this.imports.beat(this.plan).then(
        (expected) => expected || this.#cutOff.abort(new UploadGone(this.plan.image)),
        () => undefined,
      );
    }, BEAT_MS);
    try {
      await (this.plan.allMustSucceed ? this.#copyToAll(onFault) : this.#copyToEach(onFault));
    } catch (error) {
      onFault({ image: this.plan.image, store: '', reason: reasonOf(error as Error) });
    } finally {
      clearInterval(beats);
    }
  }

  /** The image gets the data of all stores, or of none. */
  async #copyToAll(onFault: (fault: ImportFault) => void): Promise<void> {
    const { objects, source, adopts } = this.plan;
    if (adopts) await this.#settle({ done: [source.staged!.store] });
    for (const object of objects) {
      if (!(await this.#copied(object, onFault))) {
        return this.#settle({ failed: [object.store], ends: true, failure: notCopiedTo([object.store]) });
      }
      if (object !== objects.at(-1)) await this.#settle({ done: [object.store] });
    }
    const live = [...(adopts ? [source.staged!.id] : []), ...objects.map(({ id }) => id)];
    await this.#settle({ live, ends: true });
  }

  /** The image gets the data of each store as soon as that is copied. As in Glance it is queued if every store fails. */
  async #copyToEach(onFault: (fault: ImportFault) => void): Promise<void> {
    const { objects, source, adopts } = this.plan;
    let hasData = adopts || source.staged === undefined;
    if (adopts) await this.#settle({ live: [source.staged!.id] });
    for (const object of objects) {
      const isCopied = await this.#copied(object, onFault);
      hasData ||= isCopied;
      const step = isCopied ? { live: [object.id] } : { failed: [object.store] };
      const dropsStaged = !this.#cutOff.signal.aborted;
      const failure = hasData ? undefined : notCopiedTo(objects.map(({ store }) => store));
      await this.#settle({ ...step, ends: object === objects.at(-1), dropsStaged, failure });
    }
  }

  async #settle(step: Omit<ImportStep, 'size'>): Promise<void> {
    await this.imports.settle(this.plan, { ...step, size: this.plan.source.size });
  }

  /** Whether a store has the data now. */
  async #copied(object: ImportedObject, onFault: (fault: ImportFault) => void): Promise<boolean> {
    try {
      await this.#copy(object);
      return true;
    } catch (error) {
      onFault({ image: this.plan.image, store: object.store, reason: reasonOf(error as Error) });
      return false;
    }
  }

  async #copy({ id, store }: ImportedObject): Promise<void> {
    const { signal } = this.#cutOff;
    signal.throwIfAborted();
    const { copies, size, hash } = this.plan.source;
    const target = await this.stores.named(store).verified();
    const digest = new Digest();
    const bytes = kept(await openCopies(copies, { first: 0, last: size - 1 }), signal);
    await target.write(id, digest.pass(bytes), size);
    if (hash !== null && digest.measured().hash !== hash) {
      throw new DataUnavailable({ cause: new Error('the bytes are not those of the image') });
    }
  }
}

const notCopiedTo = (stores: readonly string[]): string =>
  `The data could not be copied to ${stores.join(', ')}.`;

/** The same bytes in memory of their own: a store that reads uses its memory again, and one that writes may keep it. */
async function* kept(bytes: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    yield Buffer.from(chunk);
  }
}
