import { resolve } from 'node:path';
import { FileStore, openS3Store } from '@glimpse/data';
import { InvalidOptions } from '@glimpse/options';
import {
  definePlugin,
  isolateImageData,
  loadPlugin,
  type ImageData,
  type OnFault,
  type Plugin,
} from '@glimpse/plugins';
import type { StoredImageObjects } from '@glimpse/store';
import { DataSweeper } from '../access/data-sweeper.js';
import { MeasuredStore } from '../access/measured-store.js';
import { OwnStore } from '../access/own-store.js';
import { OwnStores } from '../access/own-stores.js';
import { configuredStores, shownNameOf, type BuiltInStore, type ConfiguredStore } from '../settings/data.js';
import { readCertificates, requireReadable } from '../settings/load.js';
import type { EffectiveSettings } from '../settings/settings.js';
import type { DataMetrics } from '../telemetry/data-metrics.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { importModule } from './plugins.js';
import { StoreCheck } from './store-check.js';

/** What a catalogue with stores of image data has. */
export interface OpenedData {
  readonly stores: OwnStores;
  /** One for each store. */
  readonly checks: readonly StoreCheck[];
  readonly sweeper: DataSweeper;
}

interface DataParts {
  readonly objects: StoredImageObjects;
  readonly telemetry: Telemetry;
  readonly metrics: DataMetrics;
  /** Whether the schema of the database was seen. */
  isReady(): boolean;
}

/** A store as the settings describe it, and what stores the data. */
export interface LoadedStore {
  readonly configured: ConfiguredStore;
  readonly data: ImageData;
}

/** Opens the stores of image data, if there are any, and exposes their metrics. */
export function openData(
  loaded: readonly LoadedStore[],
  { objects, telemetry, metrics, isReady }: DataParts,
): OpenedData | undefined {
  if (loaded.length === 0) return undefined;
  const measured = loaded.map(({ configured, data }) => ({
    configured,
    data: new MeasuredStore(data, metrics, shownNameOf(configured)),
  }));
  const stores = ownStores(measured, objects);
  const checks = stores.all.map((store) => new StoreCheck(store, telemetry, isReady));
  const sweeper = new DataSweeper(objects, stores, (reason) => metrics.sweepFailed(reason));
  metrics.expose(checks, sweeper);
  return { stores, checks, sweeper };
}

/** The stores of a catalogue. */
export function ownStores(loaded: readonly LoadedStore[], objects: StoredImageObjects): OwnStores {
  return new OwnStores(
    loaded.map(({ configured, data }) => {
      const { name, isDefault } = configured;
      return new OwnStore(data, objects, { name, isDefault, shownName: shownNameOf(configured) });
    }),
  );
}

/**
 * Loads the stores of image data that the settings name, if any. Sends no request. A later failure of one from a module
 * makes that store unavailable.
 *
 * @param onFaultOf what is called with each such failure
 * @throws {PluginError}
 */
export async function loadStores(
  { data }: EffectiveSettings,
  onFaultOf: (plugin: string) => OnFault,
): Promise<LoadedStore[]> {
  const loaded: LoadedStore[] = [];
  for (const configured of configuredStores(data)) {
    loaded.push({ configured, data: await loadStore(configured, onFaultOf(configured.use)) });
  }
  return loaded;
}

async function loadStore(configured: ConfiguredStore, onFault: OnFault): Promise<ImageData> {
  const { use, options } = configured;
  const builtIns = builtInStores(configured);
  if (Object.hasOwn(builtIns, use)) return loadPlugin('image-data', { use }, builtIns, importModule);
  const given = { ...options } as Readonly<Record<string, unknown>>;
  const loaded = await loadPlugin('image-data', { use, options: given }, builtIns, importModule);
  return isolateImageData(loaded, onFault);
}

/** Their options are settings. */
function builtInStores(store: ConfiguredStore): Record<BuiltInStore, Plugin<'image-data'>> {
  const kind = { kind: 'image-data', contract: 1 } as const;
  return {
    file: definePlugin({ ...kind, create: () => openFolder(store) }),
    s3: definePlugin({ ...kind, create: () => openBucket(store) }),
  };
}

function openFolder({ options: { path, reserve } }: ConfiguredStore): ImageData {
  return new FileStore({ path: resolve(path!), reserveBytes: reserve * 2 ** 20 });
}

async function openBucket({ name, options, path }: ConfiguredStore): Promise<ImageData> {
  const { access_key_file: accessKey, secret_key_file: secretKey, ca_file } = options;
  if (accessKey) requireReadable(accessKey, `${path}.access_key_file`);
  if (secretKey) requireReadable(secretKey, `${path}.secret_key_file`);
  try {
    return await openS3Store({
      bucket: options.bucket!,
      prefix: options.prefix ?? '',
      endpoint: options.endpoint,
      region: options.region,
      pathStyle: options.path_style === 'on',
      ca: ca_file && readCertificates(ca_file, `${path}.ca_file`),
      keyFiles: accessKey && secretKey ? { accessKey, secretKey } : undefined,
      uploads: options.uploads,
      timeoutMs: options.timeout * 1000,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const setting = name === undefined ? 'GLIMPSE_DATA_USE' : `use of the store ${name}`;
    throw new InvalidOptions([
      `${setting} = "s3" is not allowed: the optional package @aws-sdk/client-s3 is not installed`,
    ]);
  }
}
