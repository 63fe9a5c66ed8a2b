import type { CachedImageReader, ChangeNotifications } from '@glimpse/store';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Exposes the counts of the image cache. They are copied when metrics are collected, so that a hit counts only once. */
export function exposeCache(
  registry: Registry,
  cache: CachedImageReader,
  notifications: ChangeNotifications,
): void {
  const registers = [registry];
  new Counter({
    name: 'glimpse_image_reads_total',
    help:
      'Reads of an image by id: hit, from a fresh copy; miss, by a query of its own; shared, by the query of another ' +
      'request; bypass, with no-cache; stale, from a copy because the database was unavailable.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(cache.outcomes)) this.inc({ outcome }, count);
    },
  });
  const gauges: [name: string, help: string, value: () => number][] = [
    ['cache_entries', 'Images in the cache.', () => cache.entries],
    ['cache_bytes', 'Estimated bytes of the images in the cache.', () => cache.bytes],
    [
      'notices_heard',
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
      registers,
      collect() {
        this.set(value());
      },
    });
  }
}

/** Exposes the lag of cached images behind the database, in seconds. */
export function exposeNoticeLag(registry: Registry): Histogram {
  return new Histogram({
    name: 'glimpse_notice_lag_seconds',
    help:
      'Time until the listening connection confirmed all changes so far, by a heartbeat once a second: the most that ' +
      'cached images lag behind. Without a confirmation within a second reads bypass the cache.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
}
