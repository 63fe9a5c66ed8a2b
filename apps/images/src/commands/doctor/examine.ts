import { printable } from '@glimpse/domain';
import type { EffectiveSettings } from '../../settings/settings.js';
import { checkSettings } from '../../startup/check-settings.js';
import { textOf } from '../error-text.js';
import { examineDatabase } from './database.js';
import { failed, ok, type Finding } from './finding.js';
import { examineKeystone } from './keystone.js';
import { examineSource } from './source.js';
import { examineStores } from './store.js';

/** Nothing else can be tested with settings with which `serve` would not start. */
async function examineSettings(settings: EffectiveSettings): Promise<Finding[]> {
  try {
    await checkSettings(settings);
    return [ok('settings', `serve would start with them, in the mode ${settings.mode}`)];
  } catch (error) {
    return textOf(error)
      .split('\n')
      .map((line) => failed('settings', line));
  }
}

/**
 * Tests everything that the service depends on, and prints a line for each test. Writes nothing but an object in
 * the store of image data, which it deletes.
 *
 * @returns whether no test failed
 */
export async function examine(settings: EffectiveSettings): Promise<boolean> {
  let healthy = true;
  for (const test of [examineSettings, examineDatabase, examineKeystone, examineSource, examineStores]) {
    const findings = await test(settings);
    for (const { state, subject, text } of findings) {
      console.log(printable(`${state.padEnd(8)} ${subject}: ${text}`));
      if (state === 'failed') healthy = false;
    }
    if (test === examineSettings && !healthy) break;
  }
  return healthy;
}
