import type { RequestSource } from '@glimpse/plugins';
import { QueueTimeout } from './errors.js';
import { FairQueue } from './fair-queue.js';

/**
 * The kind of a validation:
 * - `known`: a token that was valid before, and whose cache time is over
 * - `fresh`: such a token with `no-cache`, which its client can repeat at will
 * - `unknown`: any other token; the more suspicious its source, the later it is served
 */
export type Demand =
  | { readonly kind: 'known' | 'fresh' }
  | { readonly kind: 'unknown'; readonly source: RequestSource; readonly suspicion: Suspicion };

/** How likely a source sends made-up tokens: 0 it sent no invalid token lately, 1 a few, 2 several. */
export type Suspicion = 0 | 1 | 2;

interface Waiting {
  readonly enter: () => void;
  readonly reject: (error: Error) => void;
}

/** The most suspicious tokens are served first every so many times, so that they wait but do not starve. */
const SUSPECTS_EVERY = 4;

/**
 * Bounds how many validations run at once; the rest wait. Known tokens are served first and have a quarter of the
 * slots to themselves, except that `no-cache` requests may use it. Unknown tokens share the rest fairly, so that
 * made-up ones delay each other and not a first login.
 */
export class ValidationQueue {
  readonly #limits: Readonly<Record<Demand['kind'], number>>;
  readonly #lengths: Readonly<Record<Demand['kind'], number>>;
  readonly #running: Record<Demand['kind'], number> = { known: 0, fresh: 0, unknown: 0 };
  readonly #known = new FairQueue<Waiting>();
  readonly #fresh = new FairQueue<Waiting>();
  /** By suspicion. */
  readonly #unknown = [new FairQueue<Waiting>(), new FairQueue<Waiting>(), new FairQueue<Waiting>()] as const;
  #unknownServed = 0;
  #freshNext = false;

  constructor(concurrency: number, queue: number) {
    const quarter = Math.floor(concurrency / 4);
    this.#limits = { known: concurrency, fresh: Math.max(1, quarter), unknown: concurrency - quarter };
    this.#lengths = { known: queue, fresh: Math.floor(queue / 4), unknown: queue };
  }

  /**
   * @param signal the queue timeout; it does not end a call that runs
   * @throws {QueueTimeout} the queue is full, or the wait too long
   */
  async run<T>(call: () => Promise<T>, demand: Demand, signal: AbortSignal): Promise<T> {
    const { kind } = demand;
    if (this.#isFree(kind) && this.#queueOf(demand).size === 0) this.#running[kind]++;
    else await this.#wait(demand, signal);
    try {
      return await call();
    } finally {
      this.#running[kind]--;
      this.#admit();
    }
  }

  #isFree(kind: Demand['kind']): boolean {
    const { known, fresh, unknown } = this.#running;
    return known + fresh + unknown < this.#limits.known && this.#running[kind] < this.#limits[kind];
  }

  #queueOf(demand: Demand): FairQueue<Waiting> {
    if (demand.kind === 'unknown') return this.#unknown[demand.suspicion];
    return demand.kind === 'known' ? this.#known : this.#fresh;
  }

  #wait(demand: Demand, signal: AbortSignal): Promise<void> {
    const queue = this.#queueOf(demand);
    const { address, client } = demand.kind === 'unknown' ? demand.source : { address: '', client: '' };
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        queue.delete(waiting);
        reject(new QueueTimeout());
      };
      const settle = (done: () => void): void => {
        signal.removeEventListener('abort', leave);
        done();
      };
      const waiting: Waiting = {
        enter: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      };
      if (signal.aborted) return reject(new QueueTimeout());
      queue.add(waiting, address, client);
      signal.addEventListener('abort', leave, { once: true });
      this.#evictExcess(demand.kind);
    });
  }

  /** Refuses an excess entry: of unknown tokens one of the most suspicious, and of these of the source with the most. */
  #evictExcess(kind: Demand['kind']): void {
    const queues = { known: [this.#known], fresh: [this.#fresh], unknown: this.#unknown }[kind];
    let waiting = 0;
    for (const { size } of queues) waiting += size;
    if (waiting <= this.#lengths[kind]) return;
    const longest = [...queues].reverse().find(({ size }) => size > 0);
    longest?.evict()?.reject(new QueueTimeout());
  }

  #admit(): void {
    const kind = this.#nextKind();
    if (!kind) return;
    this.#running[kind]++;
    const next = kind === 'unknown' ? this.#nextUnknown() : this.#queueOf({ kind }).next();
    next!.enter();
  }

  /** Known tokens first; then `no-cache` requests and unknown tokens alternately. */
  #nextKind(): Demand['kind'] | undefined {
    if (this.#known.size > 0) return this.#isFree('known') ? 'known' : undefined;
    const fresh = this.#fresh.size > 0 && this.#isFree('fresh');
    const unknown = this.#unknown.some(({ size }) => size > 0) && this.#isFree('unknown');
    if (fresh && unknown) {
      this.#freshNext = !this.#freshNext;
      return this.#freshNext ? 'fresh' : 'unknown';
    }
    if (fresh) return 'fresh';
    return unknown ? 'unknown' : undefined;
  }

  /**
   * The least suspicious first, alternately the newest and the next in fair order: a burst does not delay a later
   * client, and later clients do not starve earlier ones.
   */
  #nextUnknown(): Waiting | undefined {
    const served = ++this.#unknownServed;
    const suspectsFirst = served % SUSPECTS_EVERY === 0;
    const queues = suspectsFirst ? [...this.#unknown].reverse() : this.#unknown;
    const queue = queues.find(({ size }) => size > 0);
    return served % 2 === 0 ? queue?.next() : queue?.newest();
  }
}
