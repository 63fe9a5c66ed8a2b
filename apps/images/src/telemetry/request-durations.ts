import type { Metric, MetricObject, Registry } from 'prom-client';

/** The upper bounds of the buckets, in seconds. */
const BOUNDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** The requests of one route, method and status. */
interface Series {
  readonly labels: { readonly route: string; readonly method: string; readonly status: number };
  /** How many fell into each bucket; one more for those beyond all bounds. */
  readonly counts: number[];
  /** Seconds. */
  sum: number;
}

/**
 * The histogram of the time from a request to the end of its answer. Its own, because one observation costs
 * prom-client's histogram as much as everything else that a request of a known image needs.
 */
export class RequestDurations {
  readonly name = 'glimpse_http_request_duration_seconds';
  /** By route, method and status. */
  readonly #series = new Map<string, Map<string, Map<number, Series>>>();

  constructor(registry: Registry) {
    registry.registerMetric(this as unknown as Metric);
  }

  observe(route: string, method: string, status: number, seconds: number): void {
    const series = this.#series.get(route)?.get(method)?.get(status) ?? this.#add({ route, method, status });
    let bucket = 0;
    while (bucket < BOUNDS.length && seconds > BOUNDS[bucket]!) bucket++;
    series.counts[bucket]!++;
    series.sum += seconds;
  }

  #add(labels: Series['labels']): Series {
    const { route, method, status } = labels;
    const methods = this.#series.get(route) ?? new Map<string, Map<number, Series>>();
    const statuses = methods.get(method) ?? new Map<number, Series>();
    const series = { labels, counts: Array<number>(BOUNDS.length + 1).fill(0), sum: 0 };
    this.#series.set(route, methods.set(method, statuses.set(status, series)));
    return series;
  }

  /** What prom-client asks of a metric. */
  get(): MetricObject {
    const values = [...this.#series.values()]
      .flatMap((methods) => [...methods.values()])
      .flatMap((statuses) => [...statuses.values()])
      .flatMap(({ labels, counts, sum }) => {
        let count = 0;
        const buckets = counts.map((more, at) => ({
          metricName: `${this.name}_bucket`,
          labels: { le: BOUNDS[at] ?? '+Inf', ...labels },
          value: (count += more),
        }));
        return [
          ...buckets,
          { metricName: `${this.name}_sum`, labels, value: sum },
          { metricName: `${this.name}_count`, labels, value: count },
        ];
      });
    return {
      name: this.name,
      help: 'Time from a request to the end of its answer, by route, method and status.',
      type: 'histogram',
      aggregator: 'sum',
      values,
    } as unknown as MetricObject;
  }
}
