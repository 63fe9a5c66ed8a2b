import { createServiceCredentials } from '@glimpse/auth';
import { SourceUnavailable, type FollowedMirror } from '@glimpse/domain';
import { createGlanceSource } from '@glimpse/glance';
import { InvalidOptions } from '@glimpse/options';
import {
  definePlugin,
  isolateImageSource,
  loadPlugin,
  type ImageSource,
  type Plugin,
} from '@glimpse/plugins';
import { environmentName } from '../settings/environment-name.js';
import { readCertificates } from '../settings/load.js';
import type { EffectiveSettings } from '../settings/settings.js';
import {
  keystoneOptionName,
  keystoneOptions,
  serviceUserOptionName,
  serviceUserOptions,
} from './keystone.js';
import type { DependencyCheck } from '../health/dependency-probe.js';
import { faultsOf, importModule } from './plugins.js';
import type { SourceUrl } from './source-url.js';
import type { Telemetry } from '../telemetry/telemetry.js';

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

/**
 * The certificates that Glance's must be signed by, as PEM text; undefined: those of the usual authorities.
 *
 * @throws {InvalidOptions}
 */
export function glanceCertificates({ glance, keystone }: EffectiveSettings): string | undefined {
  if (glance.cacert) return readCertificates(glance.cacert, SETTINGS.ca);
  return keystone.cacert && readCertificates(keystone.cacert, 'keystone.cacert');
}

/** The source `glance`: read as the service's own user, changed with callers' tokens. */
function glanceSource(settings: EffectiveSettings): Plugin<'image-source'> {
  const { glance, keystone } = settings;
  return definePlugin({
    kind: 'image-source',
    contract: 1,
    create() {
      const credentials = createServiceCredentials(keystoneOptions(settings), keystoneOptionName);
      const ca = glanceCertificates(settings);
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
 * Loads the source that the settings name. A later failure of one from a module makes the source unavailable.
 *
 * @returns undefined when the catalogue has no source
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

/** The base of image links in development, unless the port of the Image API is known. */
const USUAL_IMAGE_URL = 'http://127.0.0.1:9292';

/** The settings with the base of image links where none is configured: the source's URL, or the Image API itself. */
export function withImageUrl(
  settings: EffectiveSettings,
  sourceUrl: SourceUrl | undefined,
): EffectiveSettings {
  if (settings.image_url !== undefined) return settings;
  const { port } = settings.image;
  const own = typeof port === 'number' && port > 0 ? `http://127.0.0.1:${port}` : USUAL_IMAGE_URL;
  return Object.create(settings, {
    image_url: { get: () => (sourceUrl ? sourceUrl.value : own), enumerable: true },
  }) as EffectiveSettings;
}

/**
 * A check of whether a source is available and shows this service everything. It reports each change; after the
 * first check that succeeds, the source's URL is known.
 */
export function sourceCheck(source: ImageSource, telemetry: Telemetry): DependencyCheck {
  let reported: string | undefined;
  return async (signal) => {
    const reason = await problemOf(source, signal);
    if (signal.aborted || reason === reported) return;
    reported = reason;
    if (reason === undefined) telemetry.observe('source-available', {});
    else telemetry.observe('source-unavailable', { reason });
  };
}

/** Why a source is unavailable or does not show this service everything; undefined: it does. */
async function problemOf(source: ImageSource, signal: AbortSignal): Promise<string | undefined> {
  try {
    const missingAccess = await source.missingReadAccess(signal);
    // Access may be known without the source: Glance's is that of a token of Keystone.
    if (missingAccess === undefined) await source.newestChange(signal);
    return missingAccess;
  } catch (error) {
    if (error instanceof SourceUnavailable) return error.reason;
    throw error;
  }
}

/**
 * Refuses a catalogue that holds images of its own: they would be served as if the source had them.
 *
 * @throws {InvalidOptions} {CatalogueUnavailable}
 */
export async function refuseOtherImages(
  mirror: FollowedMirror,
  { source }: EffectiveSettings,
): Promise<void> {
  if (!(await mirror.hasOwnImages())) return;
  throw new InvalidOptions([
    `GLIMPSE_SOURCE = ${JSON.stringify(source.use)} is not allowed: the catalogue holds images of its own; give ` +
      'it an empty database',
  ]);
}
