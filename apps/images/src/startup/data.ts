import { resolve } from 'node:path';
import { FileStore } from '@glimpse/data';
import type { StoredImageObjects } from '@glimpse/store';
import { OwnStore } from '../access/own-store.js';
import type { EffectiveSettings } from '../settings/settings.js';

/** The store of image data that the settings name, if any. */
export function openStore({ data }: EffectiveSettings, objects: StoredImageObjects): OwnStore | undefined {
  const { path, reserve } = data.options;
  if (data.use === undefined || path === undefined) return undefined;
  return new OwnStore(new FileStore({ path: resolve(path), reserveBytes: reserve * 2 ** 20 }), objects);
}
