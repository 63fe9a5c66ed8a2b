import type { RequestSource } from '@glimpse/plugins';
import { LRUCache } from 'lru-cache';
import type { Suspicion } from './validation-queue.js';

const MAX_SOURCES = 20_000;
/** After so long without an invalid token, a source counts as any other again. */
const FORGIVEN_AFTER_MS = 60_000;
/** Invalid tokens that are usual: a client whose token has expired sends it once or twice before it gets another. */
const USUAL_INVALID = 2;

/** The sources that sent invalid tokens lately. */
export class Suspects {
  readonly #sources = new LRUCache<string, { count: number; last: number }>({ max: MAX_SOURCES });

  /** @param now milliseconds of a monotonic clock */
  constructor(private readonly now: () => number) {}

  suspicionOf(source: RequestSource): Suspicion {
    const known = this.#sources.get(keyOf(source));
    if (!known || this.now() >= known.last + FORGIVEN_AFTER_MS) return 0;
    return known.count > USUAL_INVALID ? 2 : 1;
  }

  /** A source sent a token that is not valid. */
  add(source: RequestSource): void {
    const key = keyOf(source);
    const known = this.#sources.get(key);
    const now = this.now();
    const count = known && now < known.last + FORGIVEN_AFTER_MS ? known.count : 0;
    this.#sources.set(key, { count: count + 1, last: now });
  }
}

function keyOf({ address, client }: RequestSource): string {
  return `${address} ${client}`;
}
