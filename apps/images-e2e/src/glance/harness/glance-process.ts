import { readFileSync, writeFileSync } from 'node:fs';
import { until } from '@glimpse/domain/testing';
import type { Cloud } from '../../keystone/harness/cloud.js';

/** A Glance starts in two seconds on an idle machine. */
const START_LIMIT_MS = 60_000;

/** Sends a signal to the run's Glance: `SIGSTOP` and `SIGCONT` make it hang and continue. */
export function signalGlance({ glancePidFile }: Cloud, signal: NodeJS.Signals): void {
  process.kill(-Number(readFileSync(glancePidFile!, 'utf8')), signal);
}

/** Kills the run's Glance, which is started again by itself; its port is closed until {@link glanceResponds}. */
export function killGlance(cloud: Cloud): void {
  signalGlance(cloud, 'SIGKILL');
}

/** Waits until the run's Glance responds. */
export async function glanceResponds({ image }: Cloud): Promise<void> {
  const get = (): Promise<Response> => fetch(image, { signal: AbortSignal.timeout(1_000) });
  await until(async () => (await get().catch(() => undefined))?.status === 300, START_LIMIT_MS);
}

/**
 * Restarts the run's Glance with other settings.
 *
 * @returns a function that restarts it with the previous ones
 */
export async function restartGlanceWith(
  cloud: Cloud,
  change: (settings: string) => string,
): Promise<() => Promise<void>> {
  const file = cloud.glanceConfigFile!;
  const before = readFileSync(file, 'utf8');
  const restart = async (settings: string): Promise<void> => {
    writeFileSync(file, settings);
    killGlance(cloud);
    await glanceResponds(cloud);
  };
  await restart(change(before));
  return () => restart(before);
}

/** Settings with the policy defaults since 2023.1, which the contract was recorded with. */
export function withCurrentDefaults(settings: string): string {
  return settings
    .replace('[DEFAULT]\n', '[DEFAULT]\nenforce_secure_rbac = true\n')
    .replace('[oslo_policy]\n', '[oslo_policy]\nenforce_new_defaults = true\nenforce_scope = true\n');
}

/** Runs a function while the run's Glance has other settings. */
export async function withGlanceSettings(
  cloud: Cloud,
  change: (settings: string) => string,
  work: () => Promise<void>,
): Promise<void> {
  const restore = await restartGlanceWith(cloud, change);
  try {
    await work();
  } finally {
    await restore();
  }
}
