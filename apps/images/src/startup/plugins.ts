import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { developmentAuthenticator, readIdentities } from '@glimpse/auth';
import type { Identity } from '@glimpse/domain';
import {
  isolateAuthenticator,
  isolateImageExtension,
  loadImageExtensions,
  loadPlugin,
  type Authenticator,
  type ImageExtension,
  type OnFault,
} from '@glimpse/plugins';
import { diskConfig } from '../compute/extensions/disk-config.js';
import { imageSize } from '../compute/extensions/image-size.js';
import { OWN_ATTRIBUTES } from '../compute/images/image.view.js';
import { readIdentitiesFile } from '../settings/load.js';
import type { EffectiveSettings } from '../settings/settings.js';
import { builtInIdentities } from '../development/identities.js';
import { keystoneAuthenticator } from './keystone.js';
import type { Telemetry } from '../telemetry/telemetry.js';

/** The URL in the challenge of a 401 while no Keystone is configured: Keystone's default. */
const USUAL_KEYSTONE = 'http://127.0.0.1:5000';

/**
 * Imports a module specifier as if from the folder the command runs in, so that `./plugin.js` is found there.
 * A package that exports only `import` cannot be resolved like this; it is resolved from where Glimpse is installed.
 */
export async function importModule(specifier: string): Promise<{ default?: unknown }> {
  let found = specifier;
  try {
    found = pathToFileURL(createRequire(`${process.cwd()}/`).resolve(specifier)).href;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_PACKAGE_PATH_NOT_EXPORTED') throw error;
  }
  return (await import(found)) as { default?: unknown };
}

/** Counts the faults of a plugin, and logs them at most once a minute. */
export function faultsOf(plugin: string, telemetry: Telemetry): OnFault {
  return (reason) => telemetry.observe('plugin-failed', { plugin, reason });
}

/** Loads the image extensions that the settings name. One that fails later costs its own attributes only. */
export async function loadExtensions(
  { extensions }: EffectiveSettings,
  telemetry: Telemetry,
): Promise<readonly ImageExtension[]> {
  const builtIns = { 'OS-EXT-IMG-SIZE': imageSize, 'OS-DCF': diskConfig };
  const loaded = await loadImageExtensions(extensions, builtIns, importModule);
  return loaded.map((extension, index) =>
    isolateImageExtension(extension, OWN_ATTRIBUTES, faultsOf(extensions[index]!.use, telemetry)),
  );
}

/**
 * Loads the authenticator that the settings name. A later failure of one from a module makes authentication
 * unavailable; the built-in ones handle their failures themselves.
 */
export async function loadAuthenticator(
  settings: EffectiveSettings,
  telemetry: Telemetry,
): Promise<Authenticator> {
  const { authenticator, keystone } = settings;
  const development = developmentAuthenticator(
    authenticator.use === 'development' ? developmentIdentities(settings) : new Map(),
    keystone.public_url ?? keystone.auth_url ?? USUAL_KEYSTONE,
  );
  const builtIns = { development, keystone: keystoneAuthenticator(settings, telemetry) };
  const loaded = await loadPlugin('authenticator', authenticator, builtIns, importModule);
  const { use } = authenticator;
  return Object.hasOwn(builtIns, use) ? loaded : isolateAuthenticator(loaded, faultsOf(use, telemetry));
}

function developmentIdentities({ identities, data_dir }: EffectiveSettings): Map<string, Identity> {
  return identities ? readIdentitiesFile(identities) : readIdentities(builtInIdentities(data_dir));
}
