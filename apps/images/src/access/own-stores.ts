import { UnknownStore } from './data-errors.js';
import type { OwnStore } from './own-store.js';

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

  /** The stores in the order in which a read tries them: the default first, those without a fault before others. */
  get inOrderOfReads(): readonly OwnStore[] {
    const rankOf = (store: OwnStore): number => (store.isUnavailable ? 2 : 0) + (store.isDefault ? 0 : 1);
    return this.all.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}
