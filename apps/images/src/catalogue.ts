import type { Catalogue, Copies } from '@glimpse/domain';
import { CachedCatalogue, Notices, StoredCatalogue, type Database } from '@glimpse/store';
import type { EffectiveSettings } from './config/settings.js';
import type { DatabaseProbe } from './health/database-probe.js';
import { exposeCache, exposeNoticeLag } from './telemetry/cache-metrics.js';
import type { Telemetry } from './telemetry/telemetry.js';

/** The catalogue of a service. */
export interface OpenCatalogue {
  readonly catalogue: Catalogue;
  /** What it keeps in memory, if it does. */
  readonly copies?: Copies;
  /** Listens for what changes until told to stop. */
  listen(stop: AbortSignal): Promise<void>;
}

/** Puts the catalogue together: the database, and in front of it the cache, unless that is switched off. */
export function openCatalogue(
  settings: EffectiveSettings,
  parts: { database: Database; url: string; probe: DatabaseProbe; telemetry: Telemetry },
): OpenCatalogue {
  const { database, url, probe, telemetry } = parts;
  const onUnavailable = (error: unknown): void => probe.lost(error);
  if (settings.cache.size === 0) {
    return { catalogue: new StoredCatalogue(database, onUnavailable), listen: () => Promise.resolve() };
  }
  const lags = exposeNoticeLag(telemetry.registry);
  const notices = new Notices(settings.database.listen_url ?? url, database.pool, {
    onHeard: () => telemetry.observe('notices-heard', {}),
    onCaughtUp: (lag) => lags.observe(lag / 1000),
    onLost: (error) => telemetry.observe('notices-lost', { error }),
  });
  const isAway = (): boolean => !notices.session && !probe.available;
  const cache = new CachedCatalogue(new StoredCatalogue(database, onUnavailable, isAway), notices, {
    size: settings.cache.size * 2 ** 20,
    staleLimit: settings.stale.limit,
    freshReads: Math.max(1, Math.floor(settings.database.pool / 4)),
  });
  exposeCache(telemetry.registry, cache, notices);
  return { catalogue: cache, copies: cache, listen: (stop) => notices.listen(stop) };
}
