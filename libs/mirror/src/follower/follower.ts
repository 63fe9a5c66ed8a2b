import { LeaseLost, type FollowedMirror, type Lease, type PendingChanges } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { ObserveMirror } from '../observations.js';
import { fullSync } from './full-sync.js';
import { IncrementalSync } from './incremental-sync.js';
import { MEMBER_GROUPS, readDueMembers } from './members.js';
import { PendingRetries } from './pending-retries.js';
import { RetryLoop, pause } from './retry-loop.js';
import { DOCUMENT_INTERVAL_MS, DOCUMENT_RETRY_INTERVAL_MS, SourceDocumentSync } from './source-documents.js';
import type { SyncContext } from './sync-context.js';

/** Between two renewals of the lease, and between two attempts to acquire it. */
const RENEWAL_INTERVAL_MS = 1_000;

export interface FollowerOptions {
  readonly source: ImageSource;
  readonly mirror: FollowedMirror;
  /** The changes of requests that replicas passed on to the source. */
  readonly pending: PendingChanges;
  readonly observe: ObserveMirror;
  /** The name of this follower in the lease, for operators. */
  readonly holder: string;
  /** Seconds from the end of one incremental sync to the next. */
  readonly interval: number;
  /** Seconds by which an incremental sync starts before the newest change it knows. */
  readonly overlap: number;
  /** Seconds from the end of one full sync to the next, and between two reads of an image's members. */
  readonly round: number;
}

/** Syncs a mirror with its source while it holds the lease, and stands by while another follower holds it. */
export class Follower {
  readonly #loop: RetryLoop;

  constructor(private readonly options: FollowerOptions) {
    this.#loop = new RetryLoop(options.observe);
  }

  /** Runs until the signal, through outages of the source and the database. */
  async run(stop: AbortSignal): Promise<void> {
    const { mirror, observe, holder } = this.options;
    let standsBy = false;
    await this.#loop.repeat(stop, async () => {
      const lease = await mirror.acquire(holder);
      if (lease) {
        standsBy = false;
        observe('follower-began', { holder });
        return this.#follow(lease, stop);
      }
      if (!standsBy) observe('follower-stands-by', {});
      standsBy = true;
      await pause(RENEWAL_INTERVAL_MS, stop);
    });
  }

  /** Syncs for as long as the lease holds. */
  async #follow(lease: Lease, stop: AbortSignal): Promise<void> {
    const { mirror, interval, overlap, round } = this.options;
    const over = new AbortController();
    const signal = AbortSignal.any([stop, over.signal]);
    const context: SyncContext = { ...this.options, lease, signal };
    const incremental = new IncrementalSync(context, overlap);
    const retries = new PendingRetries(context, this.options.pending);
    const documents = new SourceDocumentSync(context);
    const repeat = (work: () => Promise<void>): Promise<void> => this.#loop.repeat(signal, work);

    const prepared = this.#loop.once(signal, () => incremental.prepare());
    const tasks = [
      repeat(async () => {
        await pause(RENEWAL_INTERVAL_MS, signal);
        if (!signal.aborted) await mirror.renew(lease);
      }),
      prepared.then(() =>
        repeat(async () => {
          await incremental.run();
          await pause(interval * 1000, signal);
        }),
      ),
      prepared.then(() =>
        repeat(async () => {
          await fullSync(context, this.options.pending);
          await pause(round * 1000, signal);
        }),
      ),
      repeat(() => retries.run()),
      repeat(async () => {
        const areRead = await documents.run();
        await pause(areRead ? DOCUMENT_INTERVAL_MS : DOCUMENT_RETRY_INTERVAL_MS, signal);
      }),
      ...MEMBER_GROUPS.map((group) =>
        prepared.then(() => repeat(() => readDueMembers(context, group, round))),
      ),
    ];
    try {
      await Promise.all(tasks);
    } catch (error) {
      if (!(error instanceof LeaseLost)) throw error;
    } finally {
      over.abort();
      await Promise.allSettled(tasks);
      await mirror.release(lease).catch(() => undefined);
    }
  }
}
