import type { OnImagesChanged } from '@glimpse/domain';
import type { ImageSource } from '@glimpse/plugins';
import {
  CachedImageReader,
  CachedPages,
  ChangeNotifications,
  PENDING_CHANNEL,
  SYNC_STATUS,
  StoredMirror,
  StoredPendingChanges,
  openDatabase,
  storedCatalogue,
  syncStatusOf,
  type Database,
  type SyncStatusRow,
} from '@glimpse/store';
import { DueChanges } from '../changes/due-changes.js';
import { DueImageReader } from '../changes/due-image-reader.js';
import { MirroredChanges } from '../changes/mirrored-changes.js';
import type { ResponseEffect } from '../changes/settle-image.js';
import { MirroredImageReader } from '../mirror/mirrored-image-reader.js';
import { MirroredImageWriter } from '../mirror/mirrored-image-writer.js';
import { StalenessCatalogue } from '../mirror/staleness-catalogue.js';
import { SyncStatusReader } from '../mirror/sync-status-reader.js';

/**
 * A replica as the service composes it, without its HTTP. What a response shows is its body, in the form of an effect.
 */
export class Replica {
  readonly mirror: StoredMirror;
  readonly pending: StoredPendingChanges;
  readonly due = new DueChanges();
  readonly changes: MirroredChanges;
  readonly catalogue: StalenessCatalogue;
  readonly writer: MirroredImageWriter;
  readonly listening: Promise<void>;
  readonly #database: Database;
  readonly #stop = new AbortController();
  readonly #listens: Promise<unknown>;

  constructor(url: string, source: ImageSource) {
    this.#database = openDatabase({ url, poolSize: 10 });
    const observe = (): void => undefined;
    const mirror = (this.mirror = new StoredMirror(this.#database));
    const pending = (this.pending = new StoredPendingChanges(this.#database));
    const stored = storedCatalogue(this.#database, {}, undefined, true);
    const status = new SyncStatusReader(mirror, undefined, this.due.update.bind(this.due));
    const parts = { source, mirror, pending, observe, reader: stored.reader };
    const fetching = new MirroredImageReader({ ...parts, concurrentFetches: 16 });
    let onListening = (): void => undefined;
    this.listening = new Promise((resolve) => (onListening = resolve));
    const notifications = new ChangeNotifications({
      url,
      pool: this.#database.pool,
      heartbeatQuery: SYNC_STATUS,
      heartbeatChannel: PENDING_CHANNEL,
      observer: {
        onListening,
        onCaughtUp: (lag, row) => status.update(syncStatusOf(row as SyncStatusRow), performance.now() - lag),
        onLost: observe,
      },
    });
    const cache = new CachedImageReader(fetching, notifications, {
      size: 2 ** 20,
      staleLimit: 3600,
      freshReads: 4,
    });
    const pages = new CachedPages(notifications, { size: 2 ** 20, staleLimit: 3600 });
    const onChanged: OnImagesChanged = (ids, audience = 'everyone') => {
      cache.drop(ids);
      pages.drop(audience);
    };
    this.catalogue = new StalenessCatalogue(
      { reader: cache, current: fetching, lister: stored.lister, cache, pages },
      status,
      3600,
      undefined,
      new DueImageReader(this.due, fetching),
    );
    const changes = (this.changes = new MirroredChanges({
      ...parts,
      due: this.due,
      effectOf: ({ body }) => body as ResponseEffect,
      onChanged,
    }));
    this.writer = new MirroredImageWriter({ ...parts, changes, onChanged });
    this.#listens = Promise.all([
      notifications.listen(this.#stop.signal),
      this.changes.run(this.#stop.signal),
    ]);
  }

  /** Stops as if it were killed: nothing that it has begun goes on. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#listens;
    await this.#database.close();
  }
}
