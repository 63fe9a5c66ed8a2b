import { setTimeout as sleep } from 'node:timers/promises';
import { createServiceCredentials } from '@glimpse/auth';
import { SourceUnavailable, type FollowedMirror } from '@glimpse/domain';
import { createGlanceSource } from '@glimpse/glance';
import {
  InvalidOptions,
  definePlugin,
  isolateImageSource,
  loadPlugin,
  type ImageSource,
  type Plugin,
} from '@glimpse/plugins';
import { environmentName, readCertificates } from './config/load.js';
import type { EffectiveSettings } from './config/settings.js';
import {
  keystoneOptionName,
  keystoneOptions,
  serviceUserOptionName,
  serviceUserOptions,
} from './keystone.js';
import { faultsOf, importModule } from './plugins.js';
import type { Telemetry } from './telemetry/telemetry.js';

/** Milliseconds until a source that could not be asked is asked again. */
const AGAIN = 1_000;

/** The setting that each option of the source comes from. */
const SETTINGS = {
  url: 'glance.url',
  interface: 'glance.interface',
  region: 'keystone.region_name',
  adminRole: 'glance.admin_role',
  ca: 'glance.cacert',
  connectTimeout: 'glance.connect_timeout',
  timeout: 'glance.timeout',
} as const;

/** The source `glance`: read as the service's own user, changed with callers' tokens. */
function glanceSource(settings: EffectiveSettings): Plugin<'image-source'> {
  const { glance, keystone } = settings;
  return definePlugin({
    kind: 'image-source',
    contract: 1,
    create() {
      const credentials = createServiceCredentials(keystoneOptions(settings), keystoneOptionName);
      const ca = glance.cacert
        ? readCertificates(glance.cacert, SETTINGS.ca)
        : keystone.cacert && readCertificates(keystone.cacert, 'keystone.cacert');
      const options = {
        url: glance.url,
        interface: glance.interface,
        region: keystone.region_name,
        adminRole: glance.admin_role,
        ca,
        connectTimeout: glance.connect_timeout,
        timeout: glance.timeout,
      };
      const beside = serviceUserOptions(settings);
      return createGlanceSource(options, credentials, {
        serviceUser: beside && createServiceCredentials(beside, serviceUserOptionName),
        serviceRoles: settings.token.service_roles,
        nameOf: (option) => environmentName(SETTINGS[option as keyof typeof SETTINGS]),
      });
    },
  });
}

/**
 * Loads the source that the settings name. One from a module that fails later could not be asked.
 *
 * @returns undefined when the catalogue is its own truth
 * @throws {PluginError}
 */
export async function loadSource(
  settings: EffectiveSettings,
  telemetry: Telemetry,
): Promise<ImageSource | undefined> {
  const { use, options } = settings.source;
  if (use === undefined) return undefined;
  const builtIns = { glance: glanceSource(settings) };
  const source = await loadPlugin('image-source', { use, options }, builtIns, importModule);
  return Object.hasOwn(builtIns, use) ? source : isolateImageSource(source, faultsOf(use, telemetry));
}

/** Settings in which links to images lead to where the source is, unless they say otherwise. */
export function withSource(settings: EffectiveSettings, source: ImageSource | undefined): EffectiveSettings {
  if (!source || settings.image_url !== undefined) return settings;
  return Object.create(settings, {
    image_url: { get: () => source.url, enumerable: true },
  }) as EffectiveSettings;
}

/**
 * Asks a source for the first time, until it answers: then its URL is known, and whether it shows this service
 * everything.
 */
export async function meetSource(
  source: ImageSource,
  telemetry: Telemetry,
  stop: AbortSignal,
): Promise<void> {
  let told: string | undefined;
  for (let met = false; !met && !stop.aborted;) {
    let reason: string | undefined;
    try {
      reason = await source.blindness(stop);
      met = true;
    } catch (error) {
      if (!(error instanceof SourceUnavailable)) throw error;
      ({ reason } = error);
    }
    if (reason !== undefined && reason !== told) telemetry.observe('source-unavailable', { reason });
    told = reason;
    if (!met) await sleep(AGAIN, undefined, { signal: stop }).catch(() => undefined);
  }
}

/**
 * Refuses a catalogue that holds images of its own: those of a source would stand among them, and they would
 * be served as if it had them.
 *
 * @throws {InvalidOptions} {CatalogueUnavailable}
 */
export async function refuseOtherImages(
  mirror: FollowedMirror,
  { source }: EffectiveSettings,
): Promise<void> {
  if (!(await mirror.hasOthers())) return;
  throw new InvalidOptions([
    `GLIMPSE_SOURCE = ${JSON.stringify(source.use)} is not allowed: the catalogue holds images of its own; give ` +
      'it an empty database',
  ]);
}
