import type { ImageData } from '@glimpse/plugins';
import type { StoredImageObjects } from '@glimpse/store';
import { WrongStore } from './data-errors.js';

/** For a store without a bound of its own: what each upload holds in memory is bounded. */
const MAX_UPLOADS = 32;

/**
 * The store of a catalogue. Its marker is the id of the catalogue: with the store of another one, or an empty volume in
 * place of the right one, objects would be deleted that others need, or downloads would fail one by one.
 */
export class OwnStore {
  #catalogueId: string | undefined;

  constructor(
    private readonly data: ImageData,
    private readonly objects: StoredImageObjects,
  ) {}

  /** The most uploads that one process may receive at a time. */
  get maxUploads(): number {
    return this.data.maxUploads ?? MAX_UPLOADS;
  }

  /**
   * The store, once its marker is compared. A store without one gets it, unless the catalogue has objects already.
   *
   * @throws {WrongStore} {DataUnavailable} {DataTimeout} {CatalogueUnavailable}
   */
  async verified(): Promise<ImageData> {
    const used = await this.compared();
    if (used) return used;
    // Another replica may be writing it, too.
    await this.data.writeMarker(await this.#id()).catch(() => undefined);
    const marked = await this.compared();
    if (!marked) throw new WrongStore();
    return marked;
  }

  /** Bytes that the store accepts, once its marker is compared; NaN where they are not known. @throws as above */
  async verifiedFreeBytes(): Promise<number> {
    return (await (await this.verified()).freeBytes?.()) ?? NaN;
  }

  /**
   * The store, once its marker is compared; undefined where neither the catalogue nor the store has been used. Writes
   * nothing to the store.
   *
   * @throws {WrongStore} {DataUnavailable} {CatalogueUnavailable}
   */
  async compared(): Promise<ImageData | undefined> {
    const marker = await this.data.readMarker();
    if (marker === undefined && !(await this.objects.hasObjects())) return undefined;
    if (marker !== (await this.#id())) throw new WrongStore();
    return this.data;
  }

  async #id(): Promise<string> {
    return (this.#catalogueId ??= await this.objects.catalogueId());
  }
}
