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
import type { BuiltInStore, DataOptions } from '../settings/data.js';
import { readCertificates, requireReadable } from '../settings/load.js';
import type { EffectiveSettings } from '../settings/settings.js';
import type { DataMetrics } from '../telemetry/data-metrics.js';
import type { Telemetry } from '../telemetry/telemetry.js';
import { importModule } from './plugins.js';
import { StoreCheck } from './store-check.js';

/** What a catalogue with a store of image data has. */
export interface OpenedData {
  readonly store: OwnStore;
  readonly check: StoreCheck;
  readonly sweeper: DataSweeper;
}

interface DataParts {
  readonly objects: StoredImageObjects;
  readonly telemetry: Telemetry;
  readonly metrics: DataMetrics;
  /** Whether the schema of the database was seen. */
  isReady(): boolean;
}

/** Opens the store of image data, if there is one, and exposes its metrics. */
export function openData(
  data: ImageData | undefined,
  { objects, telemetry, metrics, isReady }: DataParts,
): OpenedData | undefined {
  if (!data) return undefined;
  const store = new OwnStore(new MeasuredStore(data, metrics), objects);
  const check = new StoreCheck(store, telemetry, isReady);
  const sweeper = new DataSweeper(objects, store, (reason) => metrics.sweepFailed(reason));
  metrics.expose(check, sweeper);
  return { store, check, sweeper };
}

/**
 * Loads the store of image data that the settings name, if any. Sends no request. A later failure of one from a module
 * makes the store unavailable.
 *
 * @param onFault called with each such failure
 * @throws {PluginError}
 */
export async function loadImageData(
  { data }: EffectiveSettings,
  onFault: OnFault,
): Promise<ImageData | undefined> {
  const { use, options } = data;
  if (use === undefined) return undefined;
  const builtIns = builtInStores(options);
  if (Object.hasOwn(builtIns, use)) return loadPlugin('image-data', { use }, builtIns, importModule);
  const given = { ...options } as Readonly<Record<string, unknown>>;
  const loaded = await loadPlugin('image-data', { use, options: given }, builtIns, importModule);
  return isolateImageData(loaded, onFault);
}

/** Their options are settings. */
function builtInStores(options: DataOptions): Record<BuiltInStore, Plugin<'image-data'>> {
  const kind = { kind: 'image-data', contract: 1 } as const;
  return {
    file: definePlugin({ ...kind, create: () => openFolder(options) }),
    s3: definePlugin({ ...kind, create: () => openBucket(options) }),
  };
}

function openFolder({ path, reserve }: DataOptions): ImageData {
  return new FileStore({ path: resolve(path!), reserveBytes: reserve * 2 ** 20 });
}

async function openBucket(options: DataOptions): Promise<ImageData> {
  const { access_key_file: accessKey, secret_key_file: secretKey, ca_file } = options;
  if (accessKey) requireReadable(accessKey, 'data.options.access_key_file');
  if (secretKey) requireReadable(secretKey, 'data.options.secret_key_file');
  try {
    return await openS3Store({
      bucket: options.bucket!,
      prefix: options.prefix ?? '',
      endpoint: options.endpoint,
      region: options.region,
      pathStyle: options.path_style === 'on',
      ca: ca_file && readCertificates(ca_file, 'data.options.ca_file'),
      keyFiles: accessKey && secretKey ? { accessKey, secretKey } : undefined,
      uploads: options.uploads,
      timeoutMs: options.timeout * 1000,
    });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new InvalidOptions([
      'GLIMPSE_DATA_USE = "s3" is not allowed: the optional package @aws-sdk/client-s3 is not installed',
    ]);
  }
}
