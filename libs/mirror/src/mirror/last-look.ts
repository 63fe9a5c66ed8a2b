import { CatalogueUnavailable, type SyncStatus, type Mirror } from '@glimpse/domain';

/** Milliseconds for which what was heard of the last look is not asked for. */
const TRUST = 2_000;

/** Knows how old the last look at a source is, and asks only where nothing tells it. */
export class LastLook {
  #heard?: { readonly look: SyncStatus; readonly askedAt: number };
  #asking?: Promise<SyncStatus> | undefined;

  /** @param now milliseconds of a monotonic clock */
  constructor(
    private readonly mirror: Pick<Mirror, 'lastLook'>,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** What the mirror said of the last look to whoever asked it a while ago. */
  heard(look: SyncStatus, askedAt: number): void {
    this.#heard = { look, askedAt };
  }

  /** What is known at once. */
  get known(): SyncStatus | undefined {
    return this.#heard && this.now() - this.#heard.askedAt <= TRUST ? this.#aged(this.#heard) : undefined;
  }

  /**
   * What is known, or else what the mirror says. While that cannot be asked the last look only gets older.
   *
   * @throws {CatalogueUnavailable} it cannot be asked, and never was
   */
  async read(): Promise<SyncStatus> {
    if (this.known) return this.known;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #ask(): Promise<SyncStatus> {
    const askedAt = this.now();
    try {
      this.heard(await this.mirror.lastLook(), askedAt);
    } catch (error) {
      if (!(error instanceof CatalogueUnavailable) || !this.#heard) throw error;
    }
    return this.#aged(this.#heard!);
  }

  #aged({ look, askedAt }: { readonly look: SyncStatus; readonly askedAt: number }): SyncStatus {
    return { ...look, age: look.age + (this.now() - askedAt) / 1000 };
  }
}
