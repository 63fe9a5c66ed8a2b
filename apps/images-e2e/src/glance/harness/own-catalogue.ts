import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { until } from '@glimpse/domain/testing';
import { createDatabase, databaseUrl } from '../../harness/databases.js';
import { newFolder, startBareService, type Service } from '../../harness/service.js';
import type { Cloud } from '../../keystone/harness/cloud.js';

/** The stores of the run's Glance, the default one first. */
const STORES = ['fast', 'slow'];

/** A service with a catalogue of its own and stores such as Glance has. */
export interface OwnCatalogue {
  readonly service: Service;
  /** It has a folder for each store. */
  readonly folder: string;
}

/** Starts a service with a catalogue of its own beside the run's Glance. */
export async function startOwnCatalogue(cloud: Cloud): Promise<OwnCatalogue> {
  const folder = newFolder();
  const config = join(folder, 'glimpse.yaml');
  const stores = STORES.map((id) => ({ id, use: 'file', options: { path: join(folder, id), reserve: 0 } }));
  // JSON is YAML.
  writeFileSync(config, JSON.stringify({ data: { default_store: STORES[0], stores } }));
  const service = await startBareService({
    DATABASE_URL: databaseUrl(await createDatabase('migrated')),
    GLIMPSE_CONFIG: config,
    GLIMPSE_DATA_DIR: folder,
    GLIMPSE_IMAGE_PORT: '0',
    ...cloud.people.glimpse.env,
  });
  // The first check of a store writes its marker.
  await until(() => STORES.every((store) => existsSync(join(folder, store, 'catalogue-id'))), 60_000);
  await until(async () => (await fetch(`${service.url}/readyz`)).ok);
  return { service, folder };
}
