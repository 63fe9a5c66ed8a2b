import { createKeystoneAuthenticator, type KeystoneObservations, type KeystoneOptions } from '@glimpse/auth';
import { definePlugin, type Plugin } from '@glimpse/plugins';
import { environmentName, readCertificates } from './config/load.js';
import type { EffectiveSettings } from './config/settings.js';
import type { Telemetry } from './telemetry/telemetry.js';

/** The setting that each option of the authenticator comes from. */
const SETTINGS = {
  authUrl: 'keystone.auth_url',
  publicUrl: 'keystone.public_url',
  username: 'keystone.username',
  password: 'keystone.password',
  projectName: 'keystone.project_name',
  userDomainId: 'keystone.user_domain_id',
  userDomainName: 'keystone.user_domain_name',
  projectDomainId: 'keystone.project_domain_id',
  projectDomainName: 'keystone.project_domain_name',
  applicationCredentialId: 'keystone.application_credential_id',
  applicationCredentialSecret: 'keystone.application_credential_secret',
  interface: 'keystone.interface',
  region: 'keystone.region_name',
  ca: 'keystone.cacert',
  connectTimeout: 'keystone.connect_timeout',
  timeout: 'keystone.timeout',
  concurrency: 'keystone.concurrency',
  queue: 'keystone.queue',
  serviceRoles: 'token.service_roles',
  cache: 'token.cache',
  outage: 'token.outage',
} as const satisfies Record<keyof KeystoneOptions, string>;

function valueOf(settings: EffectiveSettings, path: string): unknown {
  const [group, key] = path.split('.') as ['keystone' | 'token', string];
  return (settings[group] as unknown as Record<string, unknown>)[key];
}

/**
 * Where Keystone is and as whom it is asked. The names of the settings that options come from are theirs in
 * messages.
 */
export function keystoneOptions(settings: EffectiveSettings): Partial<KeystoneOptions> {
  const { cacert } = settings.keystone;
  const options = Object.entries(SETTINGS).map(([option, path]) => [option, valueOf(settings, path)]);
  const ca = cacert === undefined ? undefined : readCertificates(cacert, SETTINGS.ca);
  return { ...Object.fromEntries(options), ca } as Partial<KeystoneOptions>;
}

/** What the reader of a message knows an option by. */
export function keystoneOptionName(option: string): string {
  return environmentName(SETTINGS[option as keyof typeof SETTINGS]);
}

/** The authenticator `keystone`. */
export function keystoneAuthenticator(
  settings: EffectiveSettings,
  telemetry: Telemetry,
): Plugin<'authenticator'> {
  return definePlugin({
    kind: 'authenticator',
    contract: 1,
    create: () =>
      createKeystoneAuthenticator(keystoneOptions(settings), {
        observe: (name, known) => telemetry.observe<keyof KeystoneObservations>(name, known),
        nameOf: keystoneOptionName,
      }),
  });
}
