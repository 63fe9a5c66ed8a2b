import type { Metric, MetricObject, Registry } from 'prom-client';

/** The upper bounds of the buckets. */
const BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

interface Labels {
  readonly api: string;
  readonly route: string;
  readonly method: string;
  readonly status: number;
}

/** The requests with the same labels. */
interface Series {
  readonly labels: Labels;
  /** The number of requests in each bucket; the last one is for those beyond all bounds. */
  readonly counts: number[];
  /** Seconds. */
  sum: number;
}

/** The value of a key, which is created if it is missing. */
function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

/**
 * The histogram of request durations. One observation of prom-client's own costs as much as the rest of a request that
 * is served from the cache.
 */
export class RequestDurations {
  readonly name = 'glimpse_http_request_duration_seconds';
  /** By API, route, method and status. */
  readonly #series = new Map<string, Map<string, Map<string, Map<number, Series>>>>();

  constructor(registry: Registry) {
    registry.registerMetric(this as unknown as Metric);
  }

  observe(labels: Labels, seconds: number): void {
    const { api, route, method, status } = labels;
    const series =
      this.#series.get(api)?.get(route)?.get(method)?.get(status) ??
      this.#add({ api, route, method, status });
    let bucket = 0;
    while (bucket < BOUNDS_S.length && seconds > BOUNDS_S[bucket]!) bucket++;
    series.counts[bucket]!++;
    series.sum += seconds;
  }

  #add(labels: Labels): Series {
    const routes = entryOf(
      this.#series,
      labels.api,
      () => new Map<string, Map<string, Map<number, Series>>>(),
    );
    const methods = entryOf(routes, labels.route, () => new Map<string, Map<number, Series>>());
    const statuses = entryOf(methods, labels.method, () => new Map<number, Series>());
    const counts = Array<number>(BOUNDS_S.length + 1).fill(0);
    return entryOf(statuses, labels.status, () => ({ labels, counts, sum: 0 }));
  }

  /** prom-client collects a metric by this method. */
  get(): MetricObject {
    const values = [...this.#series.values()]
      .flatMap((routes) => [...routes.values()])
      .flatMap((methods) => [...methods.values()])
      .flatMap((statuses) => [...statuses.values()])
      .flatMap(({ labels, counts, sum }) => {
        let count = 0;
        const buckets = counts.map((more, at) => ({
          metricName: `${this.name}_bucket`,
          labels: { le: BOUNDS_S[at] ?? '+Inf', ...labels },
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
      help: 'Time from a request to the end of its response, by API, route, method and status.',
      type: 'histogram',
      aggregator: 'sum',
      values,
    } as unknown as MetricObject;
  }
}
