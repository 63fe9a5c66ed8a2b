import { DataUnavailable } from '@glimpse/domain';
import { WrongStore } from '../access/data-errors.js';
import type { OwnStore } from '../access/own-store.js';
import { storeDependency, type DependencyName, type Telemetry } from '../telemetry/telemetry.js';
import { atMost } from './stop-signal.js';

/** Milliseconds after which a store that does not respond, such as a network file system, is unavailable. */
const LIMIT_MS = 10_000;

/** Checks whether the store of image data is available and that of this catalogue. */
export class StoreCheck {
  #running: Promise<number> | undefined;
  #reported: string | undefined;
  #freeBytes = NaN;

  constructor(
    private readonly store: OwnStore,
    private readonly telemetry: Telemetry,
    /** Whether the database has the catalogue, whose id the store must have. */
    private readonly isReady: () => boolean,
  ) {}

  /** The name of the store as clients see it. */
  get shownName(): string {
    return this.store.shownName;
  }

  /** The name of the store as a dependency of the service. */
  get dependency(): DependencyName {
    return storeDependency(this.store.name);
  }

  /** Bytes that the store accepts, as of the last check; NaN where they are not known. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Checks it once, and reports each change. */
  async run(signal: AbortSignal): Promise<void> {
    if (!this.isReady()) return;
    const reason = await this.#problem();
    this.store.isUnavailable = reason !== undefined;
    if (signal.aborted || reason === this.#reported) return;
    this.#reported = reason;
    const { name: store } = this.store;
    if (reason === undefined) this.telemetry.observe('store-available', { store });
    else this.telemetry.observe('store-unavailable', { reason, store });
  }

  async #problem(): Promise<string | undefined> {
    let free: number | undefined;
    try {
      // One that never ends keeps a thread of the process: no second one is begun meanwhile.
      this.#running ??= this.store.verifiedFreeBytes().finally(() => (this.#running = undefined));
      await atMost(
        LIMIT_MS,
        this.#running.then((bytes) => (free = bytes)),
      );
    } catch (error) {
      if (error instanceof WrongStore) return error.message;
      if (error instanceof DataUnavailable)
        return (error.cause as Error | undefined)?.message || error.message;
      // An outage of the database reveals nothing about the store.
      return this.#reported;
    } finally {
      this.#freeBytes = free ?? NaN;
    }
    return free !== undefined ? undefined : `it does not respond within ${LIMIT_MS / 1000} s`;
  }
}
