import { printable } from '@glimpse/domain';
import type { EffectiveSettings } from '../../settings/settings.js';
import { checkSettings } from '../../startup/check-settings.js';
import { CHECKS } from '../../startup/checks/checks.js';
import { failed, ok, type Finding } from '../../startup/checks/finding.js';
import { loadStores } from '../../startup/data.js';
import { loadSource } from '../../startup/source.js';
import { textOf } from '../error-text.js';
import { Telemetry } from '../../telemetry/telemetry.js';

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

/** Prints a line for each finding. @returns whether none failed */
function print(findings: readonly Finding[]): boolean {
  for (const { state, subject, text } of findings) {
    console.log(printable(`${state.padEnd(8)} ${subject}: ${text}`));
  }
  return findings.every(({ state }) => state !== 'failed');
}

/**
 * Tests everything that the service depends on, and prints a line for each test.
 *
 * @returns whether no test failed
 */
export async function examine(settings: EffectiveSettings): Promise<boolean> {
  if (!print(await examineSettings(settings))) return false;
  const faults = new Map<string, string>();
  const dependencies = {
    settings,
    source: await loadSource(settings, new Telemetry(settings.log)),
    stores: await loadStores(settings, (use) => (reason) => void faults.set(use, reason)),
    writesObjects: true,
    faultOf: (use: string) => faults.get(use),
  };
  let healthy = true;
  for (const check of Object.values(CHECKS)) {
    if (!print(await check(dependencies))) healthy = false;
  }
  return healthy;
}
