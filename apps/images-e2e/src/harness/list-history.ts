import type { Image } from '@glimpse/domain';

/** The images of a catalogue at a time, by id. */
export type CatalogueState = ReadonlyMap<string, Image>;

/** A change of one image. */
export interface Change {
  readonly id: string;
  /** The image after it; undefined where it is deleted. */
  readonly image: Image | undefined;
  /** The position of the replica that makes it. */
  readonly replica: number;
  /** When the replica acknowledged it; undefined before. */
  acknowledgedAt?: number;
}

/** A read of a replica. */
export interface Read {
  readonly replica: number;
  /** When the request was sent. */
  readonly from: number;
  /** For how many milliseconds the replica may show what another one has replaced. */
  readonly allowedMs: number;
  /** The same for what this replica has replaced itself. */
  readonly ownAllowedMs: number;
}

/** Concurrent changes of different images, which begin after all before have ended. */
interface Step {
  readonly before: CatalogueState;
  readonly changes: readonly Change[];
}

/** The states that a catalogue had, one after another, and when each was acknowledged. */
export class ListHistory {
  readonly #steps: Step[] = [];
  #present: CatalogueState;

  constructor(first: readonly Image[]) {
    this.#present = new Map(first.map((image) => [image.id, image]));
  }

  /** The state once all changes are made. */
  get present(): CatalogueState {
    return this.#present;
  }

  /** Records changes that are about to be sent. */
  begin(changes: readonly Change[]): void {
    this.#steps.push({ before: this.#present, changes });
    this.#present = after(this.#present, changes);
  }

  /** Every state that a read may show, the latest first. */
  *statesFor(read: Read): Generator<CatalogueState> {
    yield this.#present;
    for (let at = this.#steps.length - 1; at >= 0; at--) {
      const { before, changes } = this.#steps[at]!;
      const due = changes.filter((change) => isDue(change, read));
      for (const made of subsetsOf(changes.filter((change) => !due.includes(change)))) {
        yield after(before, [...due, ...made]);
      }
      if (due.length > 0) return;
    }
  }
}

function after(before: CatalogueState, changes: readonly Change[]): CatalogueState {
  const state = new Map(before);
  for (const { id, image } of changes) {
    if (image) state.set(id, image);
    else state.delete(id);
  }
  return state;
}

function isDue({ replica, acknowledgedAt = Infinity }: Change, read: Read): boolean {
  return acknowledgedAt <= read.from - (replica === read.replica ? read.ownAllowedMs : read.allowedMs);
}

function subsetsOf<T>(list: readonly T[]): T[][] {
  return list.reduce<T[][]>((subsets, each) => [...subsets.map((one) => [...one, each]), ...subsets], [[]]);
}
