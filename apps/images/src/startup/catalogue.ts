import type { Catalogue, Mirror, OnImagesChanged } from '@glimpse/domain';
import { responseEffect } from '@glimpse/glance';
import {
  AllAttributesCatalogue,
  DueChanges,
  DueImageReader,
  MirroredChanges,
  MirroredDocuments,
  MirroredImageReader,
  MirroredImageWriter,
  StalenessCatalogue,
  SyncStatusReader,
  type MirrorObservations,
  type SourceChanges,
} from '@glimpse/mirror';
import type { ImageSource } from '@glimpse/plugins';
import {
  CachedImageReader,
  CachedPages,
  ChangeNotifications,
  PENDING_CHANNEL,
  SYNC_STATUS,
  StoredImageObjects,
  StoredMirror,
  StoredPendingChanges,
  storedCatalogue,
  syncStatusOf,
  type Database,
  type SyncStatusRow,
} from '@glimpse/store';
import type { EffectiveSettings } from '../settings/settings.js';
import type { DatabaseProbe } from '../health/database-probe.js';
import { exposeCache, exposeNotificationLag } from '../telemetry/cache-metrics.js';
import { exposeMirror } from '../telemetry/mirror-metrics.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** The catalogue of a service. */
export interface OpenCatalogue {
  readonly catalogue: Catalogue;
  /**
   * The same for the Image API, which shows every attribute: in a mirror without lists, and with single images
   * fetched, until a full sync has filled what the release before lacks.
   */
  readonly allAttributes: Catalogue;
  /** Whether it has; in a catalogue of its own there is nothing to fill. */
  attributesFilled(): Promise<boolean>;
  /** The changes of requests that a mirror passes on to its source; undefined in a catalogue of its own. */
  readonly sourceChanges: SourceChanges | undefined;
  /** The documents in which the source describes its API; undefined where it has no such API. */
  readonly sourceDocuments: MirroredDocuments | undefined;
  /** The objects of its images in the store of image data. */
  readonly objects: StoredImageObjects;
  /** Listens for changes until stopped. */
  listen(stop: AbortSignal): Promise<void>;
}

export interface CatalogueParts {
  readonly database: Database;
  readonly url: string;
  readonly probe: DatabaseProbe;
  readonly telemetry: Telemetry;
  /** The service whose images are mirrored, if any. */
  readonly source: ImageSource | undefined;
}

/**
 * Composes the catalogue: the database; a source behind it, if there is one; the cache in front, unless that is
 * switched off; and how stale a mirror is, outside the cache.
 */
export function openCatalogue(settings: EffectiveSettings, parts: CatalogueParts): OpenCatalogue {
  const { database, probe, telemetry, source } = parts;
  const onUnavailable = (error: unknown): void => probe.lost(error);
  const isAway = (): boolean => notifications !== undefined && !notifications.session && !probe.available;
  const onChanged: OnImagesChanged = (ids, audience = 'everyone') => {
    cache?.drop(ids);
    pages?.drop(audience);
  };
  const stored = storedCatalogue(database, { onUnavailable, isAway }, onChanged, source !== undefined);
  const objects = new StoredImageObjects(database, { onUnavailable, isAway }, onChanged);

  const mirror = source && new StoredMirror(database, { onUnavailable });
  const due = new DueChanges();
  const syncStatus = mirror && new SyncStatusReader(mirror, undefined, due.update.bind(due));
  if (syncStatus) exposeMirror(telemetry, syncStatus);
  const mirrored = mirror && {
    ...{ reader: stored.reader, mirror, source, concurrentFetches: settings.source.look_ups, onChanged },
    pending: new StoredPendingChanges(database, { onUnavailable }),
    observe: telemetry.observe.bind(telemetry)<keyof MirrorObservations>,
  };
  const fetching = mirrored && new MirroredImageReader(mirrored);
  const sourceChanges = mirrored && new MirroredChanges({ ...mirrored, due, effectOf: responseEffect });

  const notifications = settings.cache.size > 0 ? openNotifications(settings, parts, syncStatus) : undefined;
  // Images have one half, pages of lists the other.
  const bounds = { size: settings.cache.size * 2 ** 19, staleLimit: settings.stale.limit };
  const pages = notifications && new CachedPages(notifications, bounds);
  const cache =
    notifications &&
    new CachedImageReader(fetching ?? stored.reader, notifications, {
      ...bounds,
      freshReads: Math.max(1, Math.floor(settings.database.pool / 4)),
    });
  if (cache && pages) exposeCache(telemetry.registry, { images: cache, pages }, notifications);

  const catalogue = {
    reader: cache ?? fetching ?? stored.reader,
    current: fetching ?? stored.current,
    lister: stored.lister,
    writer:
      mirrored && sourceChanges
        ? new MirroredImageWriter({ ...mirrored, changes: sourceChanges })
        : stored.writer,
    editor: stored.editor,
    cache,
    pages,
  };
  const listen = async (stop: AbortSignal): Promise<void> => notifications?.listen(stop);
  if (!sourceChanges || !fetching || !syncStatus) {
    const attributesFilled = (): Promise<boolean> => Promise.resolve(true);
    const none = { sourceChanges: undefined, sourceDocuments: undefined };
    return { catalogue, allAttributes: catalogue, attributesFilled, ...none, objects, listen };
  }
  const onHidden = fetching.onHidden.bind(fetching);
  const reading = new DueImageReader(due, fetching);
  const dated = new StalenessCatalogue(catalogue, syncStatus, settings.source.stale_limit, onHidden, reading);
  const { writer } = catalogue;
  const outer = {
    ...{ reader: dated, current: dated, lister: dated, writer },
    ...{ cache: cache && dated, pages: pages && dated },
  };
  const filled = new AllAttributesCatalogue(outer, syncStatus);
  return {
    catalogue: outer,
    allAttributes: {
      ...{ ...outer, reader: filled, lister: filled },
      ...{ cache: cache && filled, pages: pages && filled },
    },
    attributesFilled: () => filled.attributesFilled(),
    sourceChanges,
    objects,
    sourceDocuments: documentsOf(mirrored.source, mirrored.mirror),
    listen: async (stop) => void (await Promise.all([listen(stop), sourceChanges.run(stop)])),
  };
}

function documentsOf(source: ImageSource, mirror: Mirror): MirroredDocuments | undefined {
  const document = source.document?.bind(source);
  return document && new MirroredDocuments({ document }, mirror);
}

function openNotifications(
  { database: { listen_url, pooler } }: EffectiveSettings,
  { database, url, telemetry }: CatalogueParts,
  syncStatus: SyncStatusReader | undefined,
): ChangeNotifications {
  const lags = exposeNotificationLag(telemetry.registry);
  return new ChangeNotifications({
    url: listen_url ?? url,
    pool: database.pool,
    pooler: listen_url ? undefined : pooler,
    heartbeatQuery: syncStatus && SYNC_STATUS,
    heartbeatChannel: syncStatus && PENDING_CHANNEL,
    observer: {
      onListening: () => telemetry.observe('notifications-received', {}),
      onCaughtUp(lagMs, row) {
        lags.observe(lagMs / 1000);
        syncStatus?.update(syncStatusOf(row as SyncStatusRow), performance.now() - lagMs);
      },
      onLost: (error) => telemetry.observe('notifications-lost', { error }),
    },
  });
}
