import type { Database } from '@glimpse/store';
import { Gauge, Histogram, type Registry } from 'prom-client';

/** Exposes the use of the connections to the database, by Prisma and by our own statements. */
export function exposePool(registry: Registry, pool: Database['pool'], size: number): void {
  const registers = [registry];
  const gauges: [name: string, help: string, value: () => number][] = [
    ['size', 'The most connections that may be open.', () => size],
    ['connections', 'Connections that are open.', () => pool.totalCount],
    ['idle_connections', 'Connections that are open and unused.', () => pool.idleCount],
    ['waiting', 'Queries that wait for a free connection.', () => pool.waitingCount],
  ];
  for (const [name, help, value] of gauges) {
    new Gauge({
      name: `glimpse_database_pool_${name}`,
      help,
      registers,
      collect() {
        this.set(value());
      },
    });
  }
  const duration = new Histogram({
    name: 'glimpse_database_query_duration_seconds',
    help: 'Time for which a query or transaction held its connection.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
    registers,
  });
  const acquiredAt = new WeakMap<object, number>();
  pool.on('acquire', (client) => acquiredAt.set(client, performance.now()));
  pool.on('release', (_error, client) =>
    duration.observe((performance.now() - acquiredAt.get(client)!) / 1000),
  );
}
