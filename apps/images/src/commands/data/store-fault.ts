import type { DataUnavailable } from '@glimpse/domain';
import { reasonOf } from '../../access/data-errors.js';

/** A store does not respond as it has to; the message names its settings. */
export class StoreFault extends Error {
  /** @param store its name; undefined where it is the only one */
  constructor(store: string | undefined, error: DataUnavailable) {
    const place = store === undefined ? 'data.options' : `data.stores of the store ${store}`;
    super(`${reasonOf(error)}; check the settings ${place}`, { cause: error });
  }
}
