import type { KeystoneObservations } from '@glimpse/auth';
import { Counter, type Registry } from 'prom-client';

type Validated = KeystoneObservations['token-validated'];

/**
 * Counts the tokens that were validated. The counts are copied into the metric only when it is collected: finding the
 * series of a counter's labels would cost each request more than validating a cached token.
 */
export class TokenCounts {
  readonly #counts: Record<Validated['outcome'], Record<Validated['source'], number>> = {
    identity: { cache: 0, keystone: 0, none: 0 },
    invalid: { cache: 0, keystone: 0, none: 0 },
    unavailable: { cache: 0, keystone: 0, none: 0 },
    overloaded: { cache: 0, keystone: 0, none: 0 },
  };

  constructor(registry: Registry) {
    const counts = this.#counts;
    new Counter({
      name: 'glimpse_token_validations_total',
      help: 'Tokens that were validated, by outcome and by source: the cache, Keystone, or none.',
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

  count({ outcome, source }: Validated): void {
    this.#counts[outcome][source]++;
  }
}
