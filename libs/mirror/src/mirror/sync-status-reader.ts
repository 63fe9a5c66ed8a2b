import { CatalogueUnavailable, type Mirror, type SyncStatus } from '@glimpse/domain';

/** For how long a status that was received is used without reading it again. */
const FRESH_FOR_MS = 2_000;

/** The age of the last incremental sync, read from the mirror only where nothing newer was received. */
export class SyncStatusReader {
  #received?: { readonly status: SyncStatus; readonly readAt: number };
  #reading?: Promise<SyncStatus> | undefined;

  /**
   * @param now milliseconds of a monotonic clock
   * @param onUpdate receives each status that is read
   */
  constructor(
    private readonly mirror: Pick<Mirror, 'syncStatus'>,
    private readonly now: () => number = () => performance.now(),
    private readonly onUpdate: (status: SyncStatus, readAt: number) => void = () => undefined,
  ) {}

  /** Receives a status that the heartbeat read. */
  update(status: SyncStatus, readAt: number): void {
    this.#received = { status, readAt };
    this.onUpdate(status, readAt);
  }

  /** The status as far as it is known without reading it. */
  get known(): SyncStatus | undefined {
    return this.#received && this.now() - this.#received.readAt <= FRESH_FOR_MS
      ? this.#aged(this.#received)
      : undefined;
  }

  /**
   * The known status, else the mirror's. While the mirror is unavailable, the last known one ages.
   *
   * @throws {CatalogueUnavailable} the mirror is unavailable and there is no earlier status
   */
  async read(): Promise<SyncStatus> {
    if (this.known) return this.known;
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined));
    return this.#reading;
  }

  async #read(): Promise<SyncStatus> {
    const readAt = this.now();
    try {
      this.update(await this.mirror.syncStatus(), readAt);
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable) || !this.#received) throw error;
    }
    return this.#aged(this.#received!);
  }

  #aged({ status, readAt }: { readonly status: SyncStatus; readonly readAt: number }): SyncStatus {
    return { ...status, age: status.age + (this.now() - readAt) / 1000 };
  }
}
