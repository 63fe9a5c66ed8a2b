import { setTimeout as sleep } from 'node:timers/promises';
import { tokenOf, type Service } from './service.js';

/** Milliseconds after an acknowledged change at which every replica shows it, at the latest. */
const BOUND_MS = 2_000;
/** Milliseconds after which a request counts as hung. */
const HUNG_MS = 8_000;

/** The list of the images, by the name of all of them. */
export const LIST = '/v2.1/images/detail?name=counted';

/** What counts of an image, and the documents that show it. */
interface Counter {
  /** Requests its next value; returns the status. 200 acknowledges it. */
  increment(service: Service, id: string, value: number, token: string): Promise<number>;
  readonly shownBy: readonly CounterDocument[];
}

interface CounterDocument {
  urlOf(service: Service, id: string): string;
  valueIn(document: unknown): number;
}

/** The metadata key of a counter. */
const KEY = 'counter';

/** A custom property. */
const PROPERTY: Counter = {
  async increment({ url }, id, value, token) {
    const { status } = await request(url, `/v2.1/images/${id}/metadata/${KEY}`, {
      method: 'PUT',
      headers: { 'x-auth-token': token },
      body: JSON.stringify({ meta: { [KEY]: String(value) } }),
    });
    return status;
  },
  shownBy: [
    {
      urlOf: ({ url }, id) => `${url}/v2.1/images/${id}`,
      valueIn: (document) =>
        Number((document as { image: { metadata: Record<string, string> } }).image.metadata[KEY] ?? 0),
    },
    {
      urlOf: ({ imageUrl }, id) => `${imageUrl}/v2/images/${id}`,
      valueIn: (document) => Number((document as Record<string, string>)[KEY] ?? 0),
    },
  ],
};

/** What becomes of a member, one after the other. */
const STATUSES = ['pending', 'accepted', 'rejected'];

/** The newest member, whose id is its number, and its status. */
const NEWEST_MEMBER: Counter = {
  async increment({ imageUrl }, id, value) {
    // Of any member, an administrator may set the status.
    const headers = { 'x-auth-token': tokenOf('admin') };
    const send = async (method: string, path: string, body?: object): Promise<number> => {
      const init = { method, headers, ...(body && { body: JSON.stringify(body) }) };
      return (await request(`${imageUrl}/v2/images/${id}/members`, path, init)).status;
    };
    const member = Math.ceil(value / STATUSES.length);
    const status = STATUSES[(value - 1) % STATUSES.length]!;
    if (status !== 'pending') return send('PUT', `/${member}`, { status });
    const added = await send('POST', '', { member: String(member) });
    if (added === 200 && member > 1) await send('DELETE', `/${member - 1}`);
    return added;
  },
  shownBy: [
    {
      urlOf: ({ imageUrl }, id) => `${imageUrl}/v2/images/${id}/members`,
      valueIn(document) {
        const { members } = document as { members: { member_id: string; status: string }[] };
        const values = members.map(
          ({ member_id, status }) => (Number(member_id) - 1) * STATUSES.length + STATUSES.indexOf(status) + 1,
        );
        return Math.max(0, ...values);
      },
    },
  ],
};

/** The counters of some images, and when each of their values was acknowledged. */
export class Ledger {
  readonly #acknowledged = new Map<string, { value: number; at: number }[]>();
  readonly #sent = new Map<string, number>();
  readonly statuses = new Set<number>();
  readonly counters: readonly { readonly counter: Counter; readonly images: readonly string[] }[];

  /**
   * @param images those whose counter is a property
   * @param shared those whose counter is the newest member
   */
  constructor(
    images: readonly string[],
    private readonly token: string,
    shared: readonly string[] = [],
  ) {
    this.counters = [
      { counter: PROPERTY, images },
      { counter: NEWEST_MEMBER, images: shared },
    ];
    for (const id of [...images, ...shared]) this.#acknowledged.set(id, [{ value: 0, at: -Infinity }]);
  }

  /** Increments a counter, and records when the service acknowledged that, if it did. */
  async #count(service: Service, counter: Counter, id: string): Promise<void> {
    const value = (this.#sent.get(id) ?? 0) + 1;
    this.#sent.set(id, value);
    const status = await counter.increment(service, id, value, this.token);
    this.statuses.add(status);
    if (status === 200) this.#acknowledged.get(id)!.push({ value, at: performance.now() });
  }

  /** The highest value that was acknowledged by a time. */
  knownBy(id: string, time: number): number {
    return this.#acknowledged.get(id)!.findLast(({ at }) => at <= time)!.value;
  }

  /** Milliseconds for which a value was superseded at a time. */
  supersededFor(id: string, value: number, time: number): number {
    const next = this.#acknowledged.get(id)!.find((entry) => entry.value > value);
    return next ? Math.max(0, time - next.at) : 0;
  }

  /** Keeps incrementing through a service. */
  keepCounting(service: Service, pause = 2): Loop {
    const all = this.counters.flatMap(({ counter, images }) => images.map((id) => ({ counter, id })));
    let turn = 0;
    return new Loop(async () => {
      const { counter, id } = all[turn++ % all.length]!;
      await this.#count(service, counter, id);
      await sleep(pause);
    });
  }
}

/** Repeats a function until it is stopped. */
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

/** Clients that read continuously through both APIs, and what they saw. */
export class Readers {
  /** A message for each wrong response. */
  readonly wrong: string[] = [];
  readonly statuses = new Set<number>();
  /** Those of lists, which need the database after each change. */
  readonly listStatuses = new Set<number>();
  /** For each read, the milliseconds for which its value was superseded when the read began. */
  readonly staleness: number[] = [];
  readonly #loops: Loop[];

  /** @param writer the replica that changes go through, which shows each at once */
  constructor(
    private readonly ledger: Ledger,
    services: readonly Service[],
    private readonly token: string,
    private readonly writer?: Service,
  ) {
    this.#loops = services.flatMap((service) => [
      ...ledger.counters
        .filter(({ images }) => images.length > 0)
        .flatMap(({ counter, images }) =>
          counter.shownBy.map((document, offset) => this.#read(service, document, images, offset)),
        ),
      this.#list(service),
    ]);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loops.map((loop) => loop.stop()));
  }

  #read(service: Service, document: CounterDocument, images: readonly string[], offset: number): Loop {
    const tags = new Map<string, { tag: string; value: number }>();
    let turn = offset;
    return new Loop(async () => {
      const id = images[turn++ % images.length]!;
      const known = turn % 3 === 0 ? tags.get(id) : undefined;
      const from = performance.now();
      const url = document.urlOf(service, id);
      const response = await request(url, '', {
        headers: { 'x-auth-token': this.token, ...(known && { 'if-none-match': known.tag }) },
      });
      this.statuses.add(response.status);
      if (response.status === 200 || response.status === 203) {
        const value = document.valueIn(JSON.parse(response.text));
        const tag = response.headers.get('etag');
        // Those of members have none.
        if (tag !== null) tags.set(id, { tag, value });
        this.#check(service, url, id, from, value, response.headers.get('age'));
      } else if (response.status === 304) {
        this.#check(service, url, id, from, known!.value, response.headers.get('age'));
      }
      await sleep(2);
    });
  }

  /** Reads the images as a list. */
  #list(service: Service): Loop {
    const known: { tag?: string; counters: [string, number][] } = { counters: [] };
    let turn = 0;
    return new Loop(async () => {
      const from = performance.now();
      const isConditional = turn++ % 3 === 0 && known.tag !== undefined;
      // By default a conditional fetch says `no-cache`, which requires the database.
      const init = {
        cache: 'force-cache',
        headers: { 'x-auth-token': this.token, ...(isConditional && { 'if-none-match': known.tag! }) },
      };
      const response = await request(service.url, LIST, init);
      this.listStatuses.add(response.status);
      if (response.status === 200 || response.status === 203) {
        known.tag = response.headers.get('etag')!;
        known.counters = countersIn(response.text);
      }
      if (response.status < 400) {
        for (const [id, value] of known.counters) {
          this.#check(service, service.url, id, from, value, response.headers.get('age'));
        }
      }
      await sleep(10);
    });
  }

  #check(service: Service, url: string, id: string, from: number, value: number, age: string | null): void {
    // A stale response may be as old as its `Age`, which is in whole seconds; any other one as old as allowed.
    const allowed = age !== null ? (Number(age) + 1) * 1_000 : service === this.writer ? 0 : BOUND_MS;
    const known = this.ledger.knownBy(id, from - allowed);
    if (age === null) this.staleness.push(this.ledger.supersededFor(id, value, from));
    if (value >= known) return;
    const since = Math.round(this.ledger.supersededFor(id, value, from));
    this.wrong.push(`${url} showed ${value}, superseded for ${since} ms; ${known} was due, age ${age}`);
  }
}

/** The counters of a list with details. */
function countersIn(text: string): [string, number][] {
  const { images } = JSON.parse(text) as { images: { id: string; metadata: Record<string, string> }[] };
  return images.map(({ id, metadata }) => [id, Number(metadata[KEY] ?? 0)]);
}

/** Sends a request, which fails when there is no response in time. */
export async function request(
  url: string,
  target: string,
  init: RequestInit,
): Promise<{ status: number; headers: Headers; text: string }> {
  const from = performance.now();
  const response = await fetch(url + target, { ...init, signal: AbortSignal.timeout(HUNG_MS) });
  const text = await response.text();
  if (response.status === 500) throw new Error(`500 after ${performance.now() - from} ms: ${text}`);
  return { status: response.status, headers: response.headers, text };
}

/** The percentile of the values; `part` is a fraction. */
export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}
