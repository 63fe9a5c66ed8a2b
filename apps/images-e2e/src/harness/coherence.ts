import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from './service.js';

/** Milliseconds after an acknowledged change at which every replica shows it, at the latest. */
const BOUND = 2_000;
/** Milliseconds after which a request counts as hung. */
const HUNG = 8_000;

/** What is read of an image: a counter in its metadata. */
const KEY = 'counter';

/** The counters of some images, and when each of their values was acknowledged. */
export class Ledger {
  readonly #acknowledged = new Map<string, { value: number; at: number }[]>();
  readonly #sent = new Map<string, number>();
  readonly statuses = new Set<number>();

  constructor(
    readonly images: readonly string[],
    private readonly token: string,
  ) {
    for (const id of images) this.#acknowledged.set(id, [{ value: 0, at: 0 }]);
  }

  /** Counts one further, and notes when the service acknowledged that, if it did. */
  async count({ url }: Service, id: string): Promise<void> {
    const value = (this.#sent.get(id) ?? 0) + 1;
    this.#sent.set(id, value);
    const { status } = await request(url, `/v2.1/images/${id}/metadata/${KEY}`, {
      method: 'PUT',
      headers: { 'x-auth-token': this.token },
      body: JSON.stringify({ meta: { [KEY]: String(value) } }),
    });
    this.statuses.add(status);
    if (status === 200) this.#acknowledged.get(id)!.push({ value, at: performance.now() });
  }

  /** The highest value that was acknowledged by some time. */
  knownBy(id: string, time: number): number {
    return this.#acknowledged.get(id)!.findLast(({ at }) => at <= time)!.value;
  }

  /** How long before some time it was that a value was superseded, in milliseconds. */
  supersededFor(id: string, value: number, time: number): number {
    const next = this.#acknowledged.get(id)!.find((entry) => entry.value > value);
    return next ? Math.max(0, time - next.at) : 0;
  }

  /** Counts on and on through some service. */
  keepCounting(service: Service, pause = 2): Loop {
    let turn = 0;
    return new Loop(async () => {
      await this.count(service, this.images[turn++ % this.images.length]!);
      await sleep(pause);
    });
  }
}

/** Something done again and again until it is stopped. */
export class Loop {
  #going = true;
  readonly #ended: Promise<void>;

  constructor(round: () => Promise<void>) {
    this.#ended = this.#go(round);
    this.#ended.catch(() => undefined);
  }

  async #go(round: () => Promise<void>): Promise<void> {
    while (this.#going) await round();
  }

  /** @throws what a round threw */
  stop(): Promise<void> {
    this.#going = false;
    return this.#ended;
  }
}

/** Whoever reads all the time, and what they saw. */
export class Readers {
  /** What was wrong, in words. */
  readonly wrong: string[] = [];
  readonly statuses = new Set<number>();
  /** Of each read, for how long what it showed was superseded when it began; milliseconds. */
  readonly staleness: number[] = [];
  readonly #loops: Loop[];

  /** @param writer the replica that changes go through, which shows each at once */
  constructor(
    private readonly ledger: Ledger,
    services: readonly Service[],
    private readonly token: string,
    private readonly writer?: Service,
  ) {
    this.#loops = services.flatMap((service) => [0, 1].map((offset) => this.#read(service, offset)));
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  #read(service: Service, offset: number): Loop {
    const { images } = this.ledger;
    const tags = new Map<string, { tag: string; value: number }>();
    let turn = offset;
    return new Loop(async () => {
      const id = images[turn++ % images.length]!;
      const known = turn % 3 === 0 ? tags.get(id) : undefined;
      const from = performance.now();
      const answer = await request(service.url, `/v2.1/images/${id}`, {
        headers: { 'x-auth-token': this.token, ...(known && { 'if-none-match': known.tag }) },
      });
      this.statuses.add(answer.status);
      if (answer.status === 200 || answer.status === 203) {
        const { image } = JSON.parse(answer.text) as { image: { metadata: Record<string, string> } };
        const value = Number(image.metadata[KEY] ?? 0);
        tags.set(id, { tag: answer.headers.get('etag')!, value });
        this.#judge(service, id, from, value, answer.headers.get('age'));
      } else if (answer.status === 304) {
        this.#judge(service, id, from, known!.value, answer.headers.get('age'));
      }
      await sleep(2);
    });
  }

  #judge(service: Service, id: string, from: number, value: number, age: string | null): void {
    // What says its age shows what was there so many whole seconds ago; all else is at most as old as allowed.
    const allowed = age !== null ? (Number(age) + 1) * 1_000 : service === this.writer ? 0 : BOUND;
    const known = this.ledger.knownBy(id, from - allowed);
    if (age === null) this.staleness.push(this.ledger.supersededFor(id, value, from));
    if (value >= known) return;
    const since = Math.round(this.ledger.supersededFor(id, value, from));
    this.wrong.push(
      `${service.url} showed ${value}, superseded for ${since} ms; ${known} was due, age ${age}`,
    );
  }
}

/** Sends a request; one that is not answered in time is hung. */
export async function request(
  url: string,
  target: string,
  init: RequestInit,
): Promise<{ status: number; headers: Headers; text: string }> {
  const from = performance.now();
  const answer = await fetch(url + target, { ...init, signal: AbortSignal.timeout(HUNG) });
  const text = await answer.text();
  if (answer.status === 500) throw new Error(`500 after ${performance.now() - from} ms: ${text}`);
  return { status: answer.status, headers: answer.headers, text };
}

/** The value below which a part of the values lie. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
