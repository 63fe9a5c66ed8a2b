import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbedded } from '../embedded/index.js';

/** A PostgreSQL of a suite's own. */
export interface TemporaryDatabase {
  /** The connection URL of its database `glimpse`, which is empty to begin with. */
  readonly url: string;
  /** Stops the server, and removes all it held. */
  close(): Promise<void>;
}

/**
 * Starts a PostgreSQL that keeps nothing.
 *
 * @param settings for the server, such as `shared_buffers=256MB`
 */
export async function openTemporary(settings: readonly string[] = []): Promise<TemporaryDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-temporary-'));
  const server = await openEmbedded({ folder, service: false, settings: ['fsync=off', ...settings] });
  return {
    url: server.url,
    async close() {
      await server.leave();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
