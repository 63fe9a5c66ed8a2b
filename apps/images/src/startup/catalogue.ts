import type { Catalogue, Copies } from '@glimpse/domain';
import { DatedCatalogue, LastLook, MirroredCatalogue, type MirrorObservations } from '@glimpse/mirror';
import type { ImageSource } from '@glimpse/plugins';
import {
  CachedCatalogue,
  Notices,
  StoredCatalogue,
  StoredMirror,
  type Database,
  type NoticesObserver,
} from '@glimpse/store';
import type { EffectiveSettings } from '../settings/settings.js';
import type { DatabaseProbe } from '../health/database-probe.js';
import { exposeCache, exposeNoticeLag } from '../telemetry/cache-metrics.js';
import { exposeMirror } from '../telemetry/mirror-metrics.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** The catalogue of a service. */
export interface OpenCatalogue {
  readonly catalogue: Catalogue;
  /** What it keeps in memory, if it does. */
  readonly copies?: Copies | undefined;
  /** Listens for what changes until told to stop. */
  listen(stop: AbortSignal): Promise<void>;
}

export interface CatalogueParts {
  readonly database: Database;
  readonly url: string;
  readonly probe: DatabaseProbe;
  readonly telemetry: Telemetry;
  /** Whose images it mirrors, if it does. */
  readonly source: ImageSource | undefined;
}

/**
 * Puts the catalogue together: the database, a source behind it if there is one, the cache in front unless that
 * is switched off, and how old all of it is.
 */
export function openCatalogue(settings: EffectiveSettings, parts: CatalogueParts): OpenCatalogue {
  const { database, url, probe, telemetry, source } = parts;
  const onUnavailable = (error: unknown): void => probe.lost(error);
  const mirror = source && new StoredMirror(database, onUnavailable);
  const lastLook = mirror && new LastLook(mirror);
  if (lastLook) exposeMirror(telemetry, lastLook);

  let notShown: MirroredCatalogue['notShown'] | undefined;
  const mirrored = (catalogue: Catalogue): Catalogue => {
    if (!mirror) return catalogue;
    const mirroredCatalogue = new MirroredCatalogue({
      catalogue,
      mirror,
      source,
      lookUps: settings.source.look_ups,
      observe: (name, known) => telemetry.observe<keyof MirrorObservations>(name, known),
    });
    notShown = mirroredCatalogue.notShown.bind(mirroredCatalogue);
    return mirroredCatalogue;
  };
  const dated = (opened: OpenCatalogue): OpenCatalogue => {
    if (!lastLook) return opened;
    const { catalogue, copies, listen } = opened;
    const dates = new DatedCatalogue(catalogue, copies, lastLook, settings.source.stale_limit, notShown);
    return { catalogue: dates, copies: copies && dates, listen };
  };

  if (settings.cache.size === 0) {
    const catalogue = mirrored(new StoredCatalogue(database, onUnavailable));
    return dated({ catalogue, listen: () => Promise.resolve() });
  }
  const lags = exposeNoticeLag(telemetry.registry);
  const { listen_url, pooler } = settings.database;
  const observer: NoticesObserver = {
    onHeard: () => telemetry.observe('notices-heard', {}),
    onCaughtUp(lag, look) {
      lags.observe(lag / 1000);
      lastLook?.heard(look, performance.now() - lag);
    },
    onLost: (error) => telemetry.observe('notices-lost', { error }),
  };
  const notices = new Notices(listen_url ?? url, database.pool, observer, listen_url ? undefined : pooler);
  const isAway = (): boolean => !notices.session && !probe.available;
  const cache = new CachedCatalogue(mirrored(new StoredCatalogue(database, onUnavailable, isAway)), notices, {
    size: settings.cache.size * 2 ** 20,
    staleLimit: settings.stale.limit,
    freshReads: Math.max(1, Math.floor(settings.database.pool / 4)),
  });
  exposeCache(telemetry.registry, cache, notices);
  return dated({ catalogue: cache, copies: cache, listen: (stop) => notices.listen(stop) });
}
