import type { ImageSource } from '@glimpse/plugins';
import type { EffectiveSettings } from '../../settings/settings.js';
import type { Telemetry } from '../../telemetry/telemetry.js';
import type { LoadedStore } from '../data.js';
import { examineDatabase } from './database.js';
import { warning, type Finding } from './finding.js';
import { examineKeystone } from './keystone.js';
import { examineSource } from './source.js';
import { examineStores } from './store.js';

/** What the service depends on, loaded. */
export interface CheckedDependencies {
  readonly settings: EffectiveSettings;
  /** Undefined where the catalogue is its own. */
  readonly source: ImageSource | undefined;
  readonly stores: readonly LoadedStore[];
  /** Whether an object is written to each store, read and deleted. */
  readonly writesObjects: boolean;
  /** What a plugin that stores image data has reported last. */
  faultOf(plugin: string): string | undefined;
  /** Aborted when the results are no longer needed. */
  readonly signal?: AbortSignal;
}

/**
 * The checks of everything that the service depends on, by subject. They write nothing but an application credential of
 * the service user, and an object in each store of image data where that is wanted; they delete both.
 */
export const CHECKS: Readonly<Record<string, (on: CheckedDependencies) => Promise<Finding[]>>> = {
  database: examineDatabase,
  Keystone: examineKeystone,
  source: examineSource,
  store: examineStores,
};

/** Makes all checks and logs each problem that they find, until `signal`; one that cannot be made is no error. */
export async function logFindings(on: CheckedDependencies, telemetry: Telemetry): Promise<void> {
  let findings = 0;
  for (const [subject, check] of Object.entries(CHECKS)) {
    const found = await check(on).catch((error: unknown) => [
      warning(subject, `it could not be checked: ${String(error)}`),
    ]);
    if (on.signal?.aborted) return;
    for (const { state, ...finding } of found) {
      if (state !== 'failed' && state !== 'warning') continue;
      telemetry.observe('check-finding', { state, ...finding });
      findings++;
    }
  }
  telemetry.observe('checks-ended', { findings });
}
