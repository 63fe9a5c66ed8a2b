import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
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
 * Starts a PostgreSQL that keeps nothing. Where TEST_CLUSTER_TEMPLATE names a folder, that has the cluster that each gets
 * a copy of; the first caller makes it.
 *
 * @param settings for the server, such as `shared_buffers=256MB`
 */
export async function openTemporary(settings: readonly string[] = []): Promise<TemporaryDatabase> {
  const folder = mkdtempSync(join(tmpdir(), 'glimpse-temporary-'));
  const template = process.env['TEST_CLUSTER_TEMPLATE'];
  if (template) {
    if (!existsSync(template)) await makeTemplate(template);
    // With the owner and the permissions, which PostgreSQL checks.
    execFileSync('cp', ['-a', join(template, 'postgres'), folder]);
  }
  const server = await open(folder, settings);
  return {
    url: server.url,
    async close() {
      await server.leave();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function open(folder: string, settings: readonly string[] = []): ReturnType<typeof openEmbedded> {
  return openEmbedded({ folder, service: false, settings: ['fsync=off', ...settings] });
}

/** Two processes may do this at the same time; one folder gets the name. */
async function makeTemplate(template: string): Promise<void> {
  const draft = mkdtempSync(`${template}.`);
  await (await open(draft)).leave();
  try {
    renameSync(draft, template);
  } catch (error) {
    if (!existsSync(template)) throw error;
    rmSync(draft, { recursive: true });
  }
}
