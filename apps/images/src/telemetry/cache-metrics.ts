import type { CachedImageReader, CachedPages, ChangeNotifications } from '@glimpse/store';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What is cached, and how reads of it were answered. */
interface Caches {
  readonly images: Pick<CachedImageReader, 'outcomes' | 'entries' | 'bytes'>;
  readonly pages: Pick<CachedPages, 'outcomes' | 'entries' | 'bytes'>;
}

const OUTCOMES =
  'hit, from a fresh copy; miss, by a query of its own; shared, by the query of another request; bypass, with ' +
  'no-cache; stale, from a copy because the database was unavailable.';

/** Exposes the counts of the cache. They are copied when metrics are collected, so that a hit counts only once. */
export function exposeCache(registry: Registry, caches: Caches, notifications: ChangeNotifications): void {
  const { images, pages } = caches;
  exposeOutcomes(registry, 'image', 'Reads of an image by id', images);
  exposeOutcomes(registry, 'list', 'Reads of a page of a list', pages);
  exposeSizes(registry, caches);
  const gauges: [name: string, help: string, value: () => number][] = [
    [
      'notifications_received',
      'Whether change notifications are received: 1 or 0.',
      () => (notifications.session ? 1 : 0),
    ],
    [
      'notification_queue_usage_ratio',
      "Used fraction of PostgreSQL's notification queue, 0 to 1; commits fail at 1.",
      () => notifications.queueUsage,
    ],
  ];
  for (const [name, help, value] of gauges) {
    new Gauge({
      name: `glimpse_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(value());
      },
    });
  }
}

function exposeOutcomes(
  registry: Registry,
  what: string,
  reads: string,
  { outcomes }: Pick<CachedPages, 'outcomes'>,
): void {
  new Counter({
    name: `glimpse_${what}_reads_total`,
    help: `${reads}: ${OUTCOMES}`,
    labelNames: ['outcome'],
    registers: [registry],
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(outcomes)) this.inc({ outcome }, count);
    },
  });
}

function exposeSizes(registry: Registry, caches: Caches): void {
  const gauges: [name: string, help: string, value: (cache: Caches[keyof Caches]) => number][] = [
    ['cache_entries', 'Entries in the cache, by kind: images, pages of lists.', ({ entries }) => entries],
    ['cache_bytes', 'Estimated bytes of the entries in the cache.', ({ bytes }) => bytes],
  ];
  for (const [name, help, value] of gauges) {
    new Gauge({
      name: `glimpse_${name}`,
      help,
      labelNames: ['kind'],
      registers: [registry],
      collect() {
        for (const [kind, cache] of Object.entries(caches))
          this.set({ kind }, value(cache as Caches['pages']));
      },
    });
  }
}

/** Exposes the lag of cached images behind the database, in seconds. */
export function exposeNotificationLag(registry: Registry): Histogram {
  return new Histogram({
    name: 'glimpse_notification_lag_seconds',
    help:
      'Time until the listening connection confirmed all changes so far, by a heartbeat once a second: the most that ' +
      'cached images lag behind. Without a confirmation within a second reads bypass the cache.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
}
