import { Command } from 'commander';
import { stringify } from 'yaml';
import { loadImagePolicy } from '../access/load-image-policy.js';
import { loadProtections } from '../access/protections/property-protections.js';
import { loadSettings } from '../settings/load.js';
import { maskedSettings } from '../settings/masked.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { VERSION } from '../settings/version.js';
import { loadAuthenticator, loadExtensions } from '../startup/plugins.js';
import { loadSource } from '../startup/source.js';
import { Telemetry } from '../telemetry/telemetry.js';

export const configCommand = new Command('config')
  .option('--check', 'validate only; exit 1 if `serve` could not start', false)
  .description('print the settings in effect, with secrets masked')
  .action(async ({ check }: { check: boolean }) => {
    const settings = loadSettings(process.env);
    if (!check) return void process.stdout.write(stringify(maskedSettings(settings)));
    await checkSettings(settings);
  });

/**
 * Loads everything that the settings name, as `serve` does before it listens: policy and property protection files,
 * certificates, identities, and plugins with their options. Sends no request and writes nothing.
 *
 * @throws {InvalidOptions} {PolicyError} {ProtectionFileError} {PluginError} for each of these `serve` would not start
 */
async function checkSettings(settings: EffectiveSettings): Promise<void> {
  const policy = loadImagePolicy(settings);
  loadProtections(settings.property_protections, policy);
  const telemetry = new Telemetry({ ...settings.log, version: VERSION });
  await loadSource(settings, telemetry);
  await loadExtensions(settings, telemetry);
  // The built-in identities are made at the first start.
  if (settings.authenticator.use === 'development' && !settings.identities) return;
  await loadAuthenticator(settings, telemetry);
}
