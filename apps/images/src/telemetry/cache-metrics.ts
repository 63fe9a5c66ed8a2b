import type { CachedImageReader, ChangeNotifications } from '@glimpse/store';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** Shows what the cache of images does. Its numbers are read when somebody asks: a hit has nothing to count twice. */
export function exposeCache(
  registry: Registry,
  cache: CachedImageReader,
  notifications: ChangeNotifications,
): void {
  const registers = [registry];
  new Counter({
    name: 'glimpse_image_reads_total',
    help:
      'Reads of an image by id: hit, from a fresh copy; miss, by a question of its own; shared, by one that ' +
      'somebody else had asked; bypass, with no-cache; stale, from a copy because the database could not be asked.',
    labelNames: ['outcome'],
    registers,
    collect() {
      this.reset();
      for (const [outcome, count] of Object.entries(cache.outcomes)) this.inc({ outcome }, count);
    },
  });
  const gauges: [name: string, help: string, value: () => number][] = [
    ['cache_entries', 'Images that are kept.', () => cache.entries],
    ['cache_bytes', 'Bytes that the images kept take, by estimate.', () => cache.bytes],
    ['notices_heard', 'Whether change notices are heard: 1 or 0.', () => (notifications.session ? 1 : 0)],
    [
      'notification_queue_usage_ratio',
      'How much of the queue of notices of the database server is full, 0 to 1; commits fail at 1.',
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

/** Shows how far behind copies may be while notices are heard, in seconds. */
export function exposeNoticeLag(registry: Registry): Histogram {
  return new Histogram({
    name: 'glimpse_notice_lag_seconds',
    help:
      'Asked of the listening connection every second: how long until all that had been changed by then was ' +
      'heard. Images from memory are behind by no more; without an answer within a second none is trusted.',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1],
    registers: [registry],
  });
}
