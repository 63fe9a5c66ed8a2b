import { applyPage } from './apply-page.js';
import { readMembers } from './members.js';
import { pagesOf } from './page-progress.js';
import { requireFullVisibility, type SyncContext } from './sync-context.js';

/** For how long the source counts as showing every image after it was checked. */
const VISIBILITY_CHECK_INTERVAL_MS = 30_000;
/** How much the clocks of two hosts may differ. */
const CLOCK_TOLERANCE_MS = 60_000;

/** The result of reading changed images. */
interface Pass {
  /** The newest time of change among them. */
  readonly newest: Date | undefined;
  /** When they were requested, by the earlier of the source's clock and this host's. */
  readonly requestedAt: Date;
}

/** Applies what has changed at the source since the last run. */
export class IncrementalSync {
  #visibilityCheckedAt = -Infinity;
  #repaired = false;

  /** @param overlap seconds by which each run starts before the newest change it knows */
  constructor(
    private readonly context: SyncContext,
    private readonly overlap: number,
  ) {}

  /** Records where the first run starts, before anything is read: later changes will be seen by a run. */
  async prepare(): Promise<void> {
    const { source, mirror, lease, signal } = this.context;
    if ((await mirror.progress()).changedUntil) return;
    const now = new Date();
    const newest = (await source.newestChange(signal)) ?? new Date(0);
    await mirror.advance({ changedUntil: earlier(newest, now) }, lease);
  }

  /**
   * Reads what has changed since the last run, by the source's own times. It never advances beyond the time of its own
   * request, whatever time an image claims, or later changes would be missed.
   */
  async run(): Promise<void> {
    const { mirror, lease } = this.context;
    await this.#requireFullVisibility();
    const { drawnAt } = await mirror.draw();
    const changedUntil = (await mirror.progress()).changedUntil!;
    let pass = await this.#pass(new Date(changedUntil.getTime() - this.overlap * 1000));
    let reached = changedUntil;
    // A release that trusted the times of images may have recorded one in the future.
    if (!this.#repaired && changedUntil.getTime() > pass.requestedAt.getTime() + CLOCK_TOLERANCE_MS) {
      reached = new Date(0);
      pass = await this.#pass(reached);
      this.#repaired = true;
    }
    if (pass.newest) reached = later(reached, earlier(pass.newest, pass.requestedAt));
    await mirror.advance({ changedUntil: reached, incrementalSyncAt: drawnAt }, lease);
  }

  async #pass(changedSince: Date): Promise<Pass> {
    let requestedAt = new Date();
    let newest: Date | undefined;
    for (const hidden of [false, true]) {
      const pages = pagesOf((after) =>
        applyPage(this.context, { hidden, changedSince, ...(after && { after }) }),
      );
      for await (const page of pages) {
        await readMembers(this.context, [...page.addedShared, ...page.changedShared]);
        if (page.newest) newest = later(page.newest, newest ?? page.newest);
        if (page.requestedAt) requestedAt = earlier(page.requestedAt, requestedAt);
      }
    }
    return { newest, requestedAt };
  }

  async #requireFullVisibility(): Promise<void> {
    if (performance.now() < this.#visibilityCheckedAt + VISIBILITY_CHECK_INTERVAL_MS) return;
    await requireFullVisibility(this.context);
    this.#visibilityCheckedAt = performance.now();
  }
}

function earlier(one: Date, other: Date): Date {
  return one < other ? one : other;
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other;
}
