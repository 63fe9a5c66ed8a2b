import type { StoredImageObjects } from '@glimpse/store';
import { UnknownStore } from './data-errors.js';
import type { OwnStore } from './own-store.js';
import type { StoredCopy } from './stored-copies.js';

/** The data of an image in the stores that are configured. */
export interface StoredCopies {
  readonly size: number;
  /** In the order in which a read tries them. */
  readonly copies: readonly StoredCopy[];
}

/** The stores of a catalogue, in the order of the settings: one without a name, or several. */
export class OwnStores {
  /** Where data goes unless another store is named. */
  readonly default: OwnStore;
  /** Whether stores have names: then clients choose among them, and documents show them. */
  readonly haveNames: boolean;
  /** As clients see them. */
  readonly shownNames: readonly string[];

  /** @param all at least one */
  constructor(readonly all: readonly OwnStore[]) {
    this.default = all.find(({ isDefault }) => isDefault)!;
    this.haveNames = this.default.name !== undefined;
    this.shownNames = all.map(({ shownName }) => shownName);
  }

  /** The store of a name as clients see it. @throws {UnknownStore} */
  named(name: string): OwnStore {
    const found = this.all.find(({ shownName }) => shownName === name);
    if (!found) throw new UnknownStore(name, this.shownNames);
    return found;
  }

  /** The data of an image; undefined where it has none, here or in a store that is not configured. */
  async copiesOf(image: string, objects: StoredImageObjects): Promise<StoredCopies | undefined> {
    const stores = this.#inOrderOfReads();
    const live = await objects.live(
      image,
      stores.map(({ name }) => name),
    );
    const copies = live.flatMap(({ id, place }) =>
      place === undefined ? [] : { id, store: stores[place]! },
    );
    return live[0] && { size: live[0].size, copies };
  }

  /** The default store first, those without a fault before others. */
  #inOrderOfReads(): readonly OwnStore[] {
    const rankOf = (store: OwnStore): number => (store.isUnavailable ? 2 : 0) + (store.isDefault ? 0 : 1);
    return this.all.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}
