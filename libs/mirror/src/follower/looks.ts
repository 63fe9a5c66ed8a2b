import { requireSight, type Following } from './following.js';
import { applyPage } from './apply-page.js';
import { readMembers } from './members.js';
import { pagesOf } from './page-progress.js';

/** Milliseconds for which it is believed that the source shows this service everything. */
const SIGHT = 30_000;
/** Milliseconds by which the clocks of hosts may differ, and be set back. */
const CLOCK_TOLERANCE_MS = 60_000;

/** What a pass over changed images found. */
interface Pass {
  /** The newest time of change that the source showed. */
  readonly newest: Date | undefined;
  /** When it was requested, by the clock that is furthest behind: the source's or this host's. */
  readonly requestedAt: Date;
}

/** The incremental sync: applies what has changed at a source, again and again. */
export class Looks {
  #seenAt = -Infinity;
  #repaired = false;

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
    const now = new Date();
    const newest = (await source.newestChange(signal)) ?? new Date(0);
    await mirror.advance({ changedUntil: earlier(newest, now) }, lease);
  }

  /**
   * One look: all that has changed since the last one, by the time that the source itself gives. It never gets
   * beyond the time of its own request, whatever time an image claims: what changes after that would be passed over.
   */
  async look(): Promise<void> {
    const { mirror, lease } = this.following;
    await this.#requireSight();
    const { drawnAt } = await mirror.draw();
    const changedUntil = (await mirror.progress()).changedUntil!;
    let pass = await this.#pass(new Date(changedUntil.getTime() - this.overlap * 1000));
    let reached = changedUntil;
    // A release that trusted the times of images may have noted one that is still to come.
    if (!this.#repaired && changedUntil.getTime() > pass.requestedAt.getTime() + CLOCK_TOLERANCE_MS) {
      reached = new Date(0);
      pass = await this.#pass(reached);
      this.#repaired = true;
    }
    if (pass.newest) reached = later(reached, earlier(pass.newest, pass.requestedAt));
    await mirror.advance({ changedUntil: reached, lookedAt: drawnAt }, lease);
  }

  async #pass(changedSince: Date): Promise<Pass> {
    let requestedAt = new Date();
    let newest: Date | undefined;
    for (const hidden of [false, true]) {
      const pages = pagesOf((after) =>
        applyPage(this.following, { hidden, changedSince, ...(after && { after }) }),
      );
      for await (const page of pages) {
        await readMembers(this.following, [...page.addedShared, ...page.changedShared]);
        if (page.newest) newest = later(page.newest, newest ?? page.newest);
        if (page.askedAt) requestedAt = earlier(page.askedAt, requestedAt);
      }
    }
    return { newest, requestedAt };
  }

  async #requireSight(): Promise<void> {
    if (performance.now() < this.#seenAt + SIGHT) return;
    await requireSight(this.following);
    this.#seenAt = performance.now();
  }
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
