import type { ImageData } from '@glimpse/plugins';
import type { CatalogueIdentity, StoredImageObjects } from '@glimpse/store';
import { WrongStore } from './data-errors.js';

/** For a store without a bound of its own: what each upload holds in memory is bounded. */
const MAX_UPLOADS = 32;

/** Which of the stores of a catalogue it is. */
export interface StoreName {
  /** Undefined where it is the only one, and has no name in the catalogue. */
  readonly name?: string | undefined;
  /** As clients see it. */
  readonly shownName: string;
  /** Whether data goes there unless another store is named. */
  readonly isDefault: boolean;
}

/** The marker of a store. Until the first store of the catalogue has a name, that is the default store. */
export function markerOf(
  { id, firstStore }: CatalogueIdentity,
  { name, isDefault }: Pick<StoreName, 'name' | 'isDefault'>,
): string {
  const isFirst = firstStore === null ? isDefault : name === firstStore;
  return isFirst || name === undefined ? id : `${id} ${name}`;
}

/**
 * A store of a catalogue. Its marker is the id of the catalogue, and its name but for the store that the catalogue had
 * before it had several: with the store of another one, or an empty volume in place of the right one, objects would be
 * deleted that others need, or downloads would fail one by one.
 */
export class OwnStore {
  readonly name: string | undefined;
  readonly shownName: string;
  readonly isDefault: boolean;
  /** Whether its last check has failed, or a read since: other reads prefer another store until the next check. */
  isUnavailable = false;
  #known: CatalogueIdentity | undefined;

  constructor(
    private readonly data: ImageData,
    private readonly objects: StoredImageObjects,
    { name, shownName, isDefault }: StoreName,
  ) {
    this.name = name;
    this.shownName = shownName;
    this.isDefault = isDefault;
  }

  /** The most uploads that one process may receive at a time. */
  get maxUploads(): number {
    return this.data.maxUploads ?? MAX_UPLOADS;
  }

  /**
   * The store, once its marker is compared. A store without one gets it, unless the catalogue has objects there already.
   *
   * @throws {WrongStore} {DataUnavailable} {DataTimeout} {CatalogueUnavailable}
   */
  async verified(): Promise<ImageData> {
    const used = await this.compared();
    if (used) return used;
    // Another replica may be writing it, too.
    await this.data.writeMarker(markerOf(await this.#identity(), this)).catch(() => undefined);
    const marked = await this.compared();
    if (!marked) throw new WrongStore(this.name);
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
    if (marker === undefined && !(await this.#hasObjects())) return undefined;
    const identity = await this.#identity();
    if (marker !== markerOf(identity, this)) throw new WrongStore(this.name);
    if (identity.firstStore === null && this.name !== undefined && this.isDefault) {
      await this.objects.nameFirstStore(this.name);
      this.#known = undefined;
    }
    return this.data;
  }

  /** Until the first store of the catalogue has a name, its objects are those of the default store. */
  async #hasObjects(): Promise<boolean> {
    const { firstStore } = await this.#identity();
    return this.objects.hasObjects(firstStore === null && this.isDefault ? undefined : this.name);
  }

  async #identity(): Promise<CatalogueIdentity> {
    const identity = this.#known ?? (await this.objects.identity());
    // The first store may get its name later.
    if (identity.firstStore !== null || this.name === undefined) this.#known = identity;
    return identity;
  }
}
