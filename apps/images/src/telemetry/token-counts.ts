import type { KeystoneObservations } from '@glimpse/auth';
import { Counter, type Registry } from 'prom-client';

type Judged = KeystoneObservations['token-judged'];

/**
 * Counts the tokens that were looked at. Its numbers are handed over when somebody asks: each request has a
 * token, and to find the right number in a counter costs more than to find out whose the token is.
 */
export class TokenCounts {
  readonly #counts: Record<Judged['outcome'], Record<Judged['source'], number>> = {
    identity: { cache: 0, keystone: 0, none: 0 },
    invalid: { cache: 0, keystone: 0, none: 0 },
    unavailable: { cache: 0, keystone: 0, none: 0 },
    overloaded: { cache: 0, keystone: 0, none: 0 },
  };

  constructor(registry: Registry) {
    const counts = this.#counts;
    new Counter({
      name: 'glimpse_tokens_judged_total',
      help: 'Tokens that were looked at, by outcome and by whether they were known or Keystone was asked.',
      labelNames: ['outcome', 'source'],
      registers: [registry],
      collect() {
        this.reset();
        for (const [outcome, sources] of Object.entries(counts)) {
          for (const [source, count] of Object.entries(sources)) this.inc({ outcome, source }, count);
        }
      },
    });
  }

  count({ outcome, source }: Judged): void {
    this.#counts[outcome][source]++;
  }
}
