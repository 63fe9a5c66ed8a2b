import type { ChangedAudience } from '../cache/audience-generations.js';
import type { ChangedIds, NotificationSource } from '../cache/change-notifications.js';

/** Notifications that a test sends, at times that it sets. */
export class TestNotifications implements NotificationSource {
  time = 1_000_000;
  session: { confirmedAt: number } | undefined = { confirmedAt: this.time };
  sendIds!: (changed: ChangedIds) => void;
  sendAudience!: (changed: ChangedAudience) => void;

  subscribe(listener: (changed: ChangedIds) => void): void {
    this.sendIds = listener;
  }

  subscribeToAudiences(listener: (changed: ChangedAudience) => void): void {
    this.sendAudience = listener;
  }

  readonly now = (): number => this.time;
}

/** The results of reads, which a test can hold back. */
export class HeldResults {
  #held: (() => void)[] | undefined;

  hold(): void {
    this.#held = [];
  }

  /** How many results are held. */
  get held(): number {
    return this.#held?.length ?? 0;
  }

  /** Returns the first results, or all of them and those to come. */
  release(count = Infinity): void {
    const released = this.#held!.splice(0, count);
    if (count === Infinity) this.#held = undefined;
    for (const release of released) release();
  }

  /** Waits while results are held. */
  async released(): Promise<void> {
    if (this.#held) await new Promise<void>((resolve) => this.#held!.push(resolve));
  }
}
