import { createKeystoneAuthenticator, type KeystoneObservations, type KeystoneOptions } from '@glimpse/auth';
import { definePlugin, type Plugin } from '@glimpse/plugins';
import { environmentName } from '../settings/environment-name.js';
import { readCertificates } from '../settings/load.js';
import type { ServiceUserSettings } from '../settings/keystone.js';
import type { EffectiveSettings } from '../settings/settings.js';
import type { Telemetry } from '../telemetry/telemetry.js';

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

/** The location of Keystone and the service's own credentials, by the settings. */
export function keystoneOptions(settings: EffectiveSettings): Partial<KeystoneOptions> {
  const { cacert } = settings.keystone;
  const options = Object.entries(SETTINGS).map(([option, path]) => [option, valueOf(settings, path)]);
  const ca = cacert === undefined ? undefined : readCertificates(cacert, SETTINGS.ca);
  return { ...Object.fromEntries(options), ca } as Partial<KeystoneOptions>;
}

/** The name of an option in messages: the environment variable of its setting. */
export function keystoneOptionName(option: string): string {
  return environmentName(SETTINGS[option as keyof typeof SETTINGS]);
}

/** The setting that each option of the service user comes from. */
const SERVICE_USER = {
  username: 'keystone.service_user.username',
  password: 'keystone.service_user.password',
  projectName: 'keystone.service_user.project_name',
  userDomainId: 'keystone.service_user.user_domain_id',
  userDomainName: 'keystone.service_user.user_domain_name',
  projectDomainId: 'keystone.service_user.project_domain_id',
  projectDomainName: 'keystone.service_user.project_domain_name',
  applicationCredentialId: 'keystone.service_user.application_credential_id',
  applicationCredentialSecret: 'keystone.service_user.application_credential_secret',
} as const satisfies Partial<Record<keyof KeystoneOptions, string>>;

/**
 * The options of the user whose token is sent to Glance along with a caller's: the same Keystone, another user.
 *
 * @returns undefined where none is configured
 */
export function serviceUserOptions(settings: EffectiveSettings): Partial<KeystoneOptions> | undefined {
  const user = settings.keystone.service_user;
  if (Object.values(user).every((value) => value === undefined)) return undefined;
  const given = { ...keystoneOptions(settings), ...credentialsOf(user) };
  const byCredential = user.application_credential_id ?? user.application_credential_secret;
  return byCredential === undefined ? given : { ...given, projectName: user.project_name };
}

/** Its credentials; a project or domain that it does not name remains that of `keystone`. */
function credentialsOf(user: ServiceUserSettings): Partial<KeystoneOptions> {
  const { user_domain_id, user_domain_name, project_domain_id, project_domain_name } = user;
  return {
    username: user.username,
    password: user.password,
    applicationCredentialId: user.application_credential_id,
    applicationCredentialSecret: user.application_credential_secret,
    ...(user.project_name !== undefined && { projectName: user.project_name }),
    ...((user_domain_id ?? user_domain_name) !== undefined && {
      userDomainId: user_domain_id,
      userDomainName: user_domain_name,
    }),
    ...((project_domain_id ?? project_domain_name) !== undefined && {
      projectDomainId: project_domain_id,
      projectDomainName: project_domain_name,
    }),
  };
}

/** The name of an option of the service user in messages. */
export function serviceUserOptionName(option: string): string {
  const names: Readonly<Record<string, string>> = SERVICE_USER;
  return names[option] === undefined ? keystoneOptionName(option) : environmentName(names[option]);
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
