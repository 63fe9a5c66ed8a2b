import type { SourcePlace } from '@glimpse/domain';
import { requireSight, type Following } from './following.js';
import { readMembers } from './members.js';
import { takePage } from './take-page.js';

/** Milliseconds for which it is believed that the source shows this service everything. */
const SIGHT = 30_000;

/** Takes what has changed at a source, again and again. */
export class Looks {
  #seenAt = -Infinity;

  /** @param overlap seconds before the newest change from which on each look begins */
  constructor(
    private readonly following: Following,
    private readonly overlap: number,
  ) {}

  /**
   * Notes from when on what changes is to be taken. Whatever is read after that has changed before it, or will
   * be seen to have.
   */
  async prepare(): Promise<void> {
    const { source, mirror, lease, signal } = this.following;
    if ((await mirror.progress()).changedUntil) return;
    await mirror.advance({ changedUntil: (await source.newestChange(signal)) ?? new Date(0) }, lease);
  }

  /** One look: all that has changed since the last one, by the time that the source itself gives. */
  async look(): Promise<void> {
    const { mirror, lease } = this.following;
    await this.#requireSight();
    const { drawnAt } = await mirror.draw();
    const changedUntil = (await mirror.progress()).changedUntil!;
    const changedSince = new Date(changedUntil.getTime() - this.overlap * 1000);
    let newest = changedUntil;
    for (const hidden of [false, true]) {
      let after: SourcePlace | undefined;
      do {
        const page = await takePage(this.following, { hidden, changedSince, after });
        await readMembers(this.following, [...page.addedShared, ...page.changedShared]);
        if (page.newest && page.newest > newest) newest = page.newest;
        after = page.next;
      } while (after);
    }
    await mirror.advance({ changedUntil: newest, lookedAt: drawnAt }, lease);
  }

  async #requireSight(): Promise<void> {
    if (performance.now() < this.#seenAt + SIGHT) return;
    await requireSight(this.following);
    this.#seenAt = performance.now();
  }
}
