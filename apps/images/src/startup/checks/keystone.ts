import { KeystoneUnavailable, createServiceCredentials, type KeystoneOptions } from '@glimpse/auth';
import {
  keystoneOptionName,
  keystoneOptions,
  serviceUserOptionName,
  serviceUserOptions,
} from '../keystone.js';
import type { CheckedDependencies } from './checks.js';
import { failed, ok, skipped, warning, type Finding } from './finding.js';
import { examineHttpClock } from './http-clock.js';

/** The roles that may validate tokens by the default policy of Keystone. */
const VALIDATING_ROLES = ['service', 'admin'];

/** Tests the credentials of the service at Keystone, and their roles. */
export async function examineKeystone({ settings }: CheckedDependencies): Promise<Finding[]> {
  if (settings.authenticator.use !== 'keystone') {
    return [skipped('Keystone', `tokens are those of ${settings.authenticator.use}`)];
  }
  const beside = serviceUserOptions(settings);
  const options = keystoneOptions(settings);
  const reader = await examineUser('Keystone', options, keystoneOptionName, rolesOfReader);
  const findings = [reader];
  if (reader.state !== 'failed') {
    const { auth_url: url, connect_timeout: connectTimeout, timeout } = settings.keystone;
    const reached = { url: url!, ca: options.ca, connectTimeout, timeout };
    findings.push(await examineHttpClock('clock of Keystone', reached));
  }
  if (beside) {
    findings.push(await examineUser('service user', beside, serviceUserOptionName, rolesOfServiceUser));
  }
  return findings;
}

async function examineUser(
  subject: string,
  options: Partial<KeystoneOptions>,
  nameOf: (option: string) => string,
  test: (subject: string, roles: readonly string[]) => Finding,
): Promise<Finding> {
  try {
    const { roles } = await createServiceCredentials(options, nameOf).confirmed();
    return test(subject, roles);
  } catch (error) {
    if (!(error instanceof KeystoneUnavailable)) throw error;
    const settings = ['authUrl', 'username', 'password', 'projectName'].map(nameOf).join(', ');
    return failed(subject, `${error.message}; check ${settings}`);
  }
}

function rolesOfReader(subject: string, roles: readonly string[]): Finding {
  const listed = roles.join(', ') || 'none';
  if (roles.some((role) => VALIDATING_ROLES.includes(role)))
    return ok(subject, `the roles of its user are ${listed}`);
  return failed(
    subject,
    `the roles of its user are ${listed}, and Keystone lets none of them validate tokens: assign the role service ` +
      'in the project service (docs/keystone.md)',
  );
}

/** Glance counts the roles of its token as the caller's. */
function rolesOfServiceUser(subject: string, roles: readonly string[]): Finding {
  if (roles.length === 1 && roles[0] === 'service') return ok(subject, 'its only role is service');
  return warning(
    subject,
    `its roles are ${roles.join(', ') || 'none'}, and Glance counts them as every caller's: let it have service only`,
  );
}
