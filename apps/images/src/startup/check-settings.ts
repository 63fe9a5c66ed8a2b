import { loadImagePolicy } from '../access/load-image-policy.js';
import { loadProtections } from '../access/protections/property-protections.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { Telemetry } from '../telemetry/telemetry.js';
import { loadStores } from './data.js';
import { loadAuthenticator, loadExtensions } from './plugins.js';
import { loadSource } from './source.js';

/**
 * Loads everything that the settings name, as `serve` does before it listens: policy and property protection files,
 * certificates, credentials, identities, and plugins with their options. Sends no request and writes nothing.
 *
 * @throws {InvalidOptions} {PolicyError} {ProtectionFileError} {PluginError} for each of these `serve` would not start
 */
export async function checkSettings(settings: EffectiveSettings): Promise<void> {
  const policy = loadImagePolicy(settings);
  loadProtections(settings.property_protections, policy);
  const telemetry = new Telemetry(settings.log);
  await loadSource(settings, telemetry);
  await loadExtensions(settings, telemetry);
  await loadStores(settings, () => () => undefined);
  // The built-in identities are made at the first start.
  if (settings.authenticator.use === 'development' && !settings.identities) return;
  await loadAuthenticator(settings, telemetry);
}
