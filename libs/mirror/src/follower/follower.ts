import { LeaseLost, type FollowedMirror, type Lease } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import type { ObserveMirror } from '../observations.js';
import { Trouble, pause, type Following } from './following.js';
import { Looks } from './looks.js';
import { KINDS_DUE, readDueMembers } from './members.js';
import { walk } from './walks.js';

/** Milliseconds from one renewal of the lease to the next, and from one attempt to get it to the next. */
const RENEWAL = 1_000;

export interface FollowerOptions {
  readonly source: ImageSource;
  readonly mirror: FollowedMirror;
  readonly observe: ObserveMirror;
  /** By which others know who follows. */
  readonly holder: string;
  /** Seconds from one look at what has changed to the next. */
  readonly interval: number;
  /** Seconds by which a look reaches back behind the newest change that was seen. */
  readonly overlap: number;
  /** Seconds after which a walk begins again, and after which members are read again. */
  readonly round: number;
}

/** Follows a source while it has the right to, and stands by while somebody else has it. */
export class Follower {
  readonly #trouble: Trouble;

  constructor(private readonly options: FollowerOptions) {
    this.#trouble = new Trouble(options.observe);
  }

  /** Runs until told to stop; the source or the database may be away at any time. */
  async run(stop: AbortSignal): Promise<void> {
    const { mirror, observe, holder } = this.options;
    let standsBy = false;
    await this.#trouble.repeat(stop, async () => {
      const lease = await mirror.acquire(holder);
      if (lease) {
        standsBy = false;
        observe('follower-began', { holder });
        return this.#follow(lease, stop);
      }
      if (!standsBy) observe('follower-stands-by', {});
      standsBy = true;
      await pause(RENEWAL, stop);
    });
  }

  /** Follows for as long as the lease holds. */
  async #follow(lease: Lease, stop: AbortSignal): Promise<void> {
    const { mirror, interval, overlap, round } = this.options;
    const over = new AbortController();
    const signal = AbortSignal.any([stop, over.signal]);
    const following: Following = { ...this.options, lease, signal };
    const looks = new Looks(following, overlap);
    const repeat = (work: () => Promise<void>): Promise<void> => this.#trouble.repeat(signal, work);

    const prepared = this.#trouble.once(signal, () => looks.prepare());
    const tasks = [
      repeat(async () => {
        await pause(RENEWAL, signal);
        if (!signal.aborted) await mirror.renew(lease);
      }),
      prepared.then(() =>
        repeat(async () => {
          await looks.look();
          await pause(interval * 1000, signal);
        }),
      ),
      prepared.then(() =>
        repeat(async () => {
          await walk(following);
          await pause(round * 1000, signal);
        }),
      ),
      ...KINDS_DUE.map((kind) => prepared.then(() => repeat(() => readDueMembers(following, kind, round)))),
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
