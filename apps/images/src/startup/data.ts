import { resolve } from 'node:path';
import { FileStore, type ImageData } from '@glimpse/data';
import type { StoredImageObjects } from '@glimpse/store';
import { DataSweeper } from '../access/data-sweeper.js';
import { MeasuredStore } from '../access/measured-store.js';
import { OwnStore } from '../access/own-store.js';
import type { EffectiveSettings } from '../settings/settings.js';
import type { DataMetrics } from '../telemetry/data-metrics.js';
import type { Telemetry } from '../telemetry/telemetry.js';
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

/** Opens the store of image data, if the settings name one, and exposes its metrics. */
export function openData(
  settings: EffectiveSettings,
  { objects, telemetry, metrics, isReady }: DataParts,
): OpenedData | undefined {
  const data = openImageData(settings);
  if (!data) return undefined;
  const store = new OwnStore(new MeasuredStore(data, metrics), objects);
  const check = new StoreCheck(store, telemetry, isReady);
  const sweeper = new DataSweeper(objects, store, (reason) => metrics.sweepFailed(reason));
  metrics.expose(check, sweeper);
  return { store, check, sweeper };
}

/** The store of image data that the settings name, if any. */
export function openImageData({ data }: EffectiveSettings): ImageData | undefined {
  const { path, reserve } = data.options;
  if (data.use === undefined || path === undefined) return undefined;
  return new FileStore({ path: resolve(path), reserveBytes: reserve * 2 ** 20 });
}
