import { hash } from 'node:crypto';

/** Places in the table. Two keys in one place count as one, which caches a page too early and does no other harm. */
const PLACES = 32_768;
/** Milliseconds in which two requests make a key a repeated one. */
const WINDOW_MS = 10_000;

/**
 * Which keys were requested twice within ten seconds. Clients choose the keys, so nothing of them is stored: a table
 * of constant size has the times of the last two requests.
 */
export class RecentRequests {
  readonly #last = new Float64Array(PLACES).fill(-Infinity);
  readonly #previous = new Float64Array(PLACES).fill(-Infinity);

  /** @param now milliseconds of a monotonic clock */
  constructor(private readonly now: () => number) {}

  add(key: string): void {
    const place = placeOf(key);
    this.#previous[place] = this.#last[place]!;
    this.#last[place] = this.now();
  }

  isRepeated(key: string): boolean {
    return this.isRecent(this.#previous[placeOf(key)]!);
  }

  /** Whether a time is within the window. */
  isRecent(time: number): boolean {
    return this.now() - time <= WINDOW_MS;
  }
}

function placeOf(key: string): number {
  return hash('sha1', key, 'buffer').readUInt16LE() % PLACES;
}
