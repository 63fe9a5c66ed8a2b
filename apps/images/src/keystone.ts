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
  projectDomainId: 'keystone.project_domain_id',
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

/** The authenticator `keystone`: its options are settings of the service, and messages call them so. */
export function keystoneAuthenticator(
  settings: EffectiveSettings,
  telemetry: Telemetry,
): Plugin<'authenticator'> {
  return definePlugin({
    kind: 'authenticator',
    contract: 1,
    create() {
      const { cacert } = settings.keystone;
      const options = Object.entries(SETTINGS).map(([option, path]) => [option, valueOf(settings, path)]);
      const ca = cacert === undefined ? undefined : readCertificates(cacert);
      return createKeystoneAuthenticator({ ...Object.fromEntries(options), ca } as Partial<KeystoneOptions>, {
        observe: (name, known) => telemetry.observe<keyof KeystoneObservations>(name, known),
        nameOf: (option) => environmentName(SETTINGS[option as keyof typeof SETTINGS]),
      });
    },
  });
}
