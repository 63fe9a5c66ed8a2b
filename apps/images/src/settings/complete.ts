import { networkInterfaces } from 'node:os';
import { configuredBaseUrl } from '@glimpse/links';
import { InvalidOptions } from '@glimpse/options';
import { BadDatabaseUrl, parseDatabaseUrl } from '@glimpse/store';
import { completeData } from './complete-data.js';
import type { DatabaseSettings } from './database.js';
import { PluginSettings } from './plugin.js';
import type { EffectiveSettings, Settings } from './settings.js';

/** Problems of the service user, whose token is sent along with callers' tokens. */
function problemsOfServiceUser({ source, keystone }: Settings): string[] {
  const { service_user: user } = keystone;
  const problems: string[] = [];
  if (source.use !== 'glance' && Object.values(user).some((value) => value !== undefined)) {
    problems.push('GLIMPSE_KEYSTONE_SERVICE_USER_… is not allowed without GLIMPSE_SOURCE = "glance"');
  }
  const isReader =
    user.username !== undefined &&
    user.username === keystone.username &&
    (user.user_domain_id ?? keystone.user_domain_id) === keystone.user_domain_id &&
    (user.user_domain_name ?? keystone.user_domain_name) === keystone.user_domain_name;
  if (isReader) {
    problems.push(
      `GLIMPSE_KEYSTONE_SERVICE_USER_USERNAME = ${JSON.stringify(user.username)} is not allowed: it must be ` +
        'another user than OS_USERNAME, whose roles no caller may have',
    );
  }
  return problems;
}

/** The usual port of the Image API. */
const IMAGE_PORT = 9292;

/** The port of the Image API, unless it is set. Port 0 of the Compute API lets several services run side by side. */
function defaultImagePort({ mode, port, source, glance }: Settings): number | 'off' {
  if (mode === 'production' || (source.use === 'glance' && !glance.url)) return 'off';
  return port === 0 ? 0 : IMAGE_PORT;
}

/** Whether an address is reachable from this machine alone. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);

/** Problems of the connection URLs; no part of a URL is printed. */
function databaseUrlProblems({ url, listen_url }: DatabaseSettings): string[] {
  return Object.entries({ DATABASE_URL: url, DATABASE_LISTEN_URL: listen_url }).flatMap(([name, value]) => {
    if (value === undefined) return [];
    try {
      parseDatabaseUrl(value);
      return [];
    } catch (error) {
      if (!(error instanceof BadDatabaseUrl)) throw error;
      return [`${name} = *** is not allowed: ${error.message}`];
    }
  });
}

/** Listens on every address; without IPv6 there is no `::`. */
function allAddresses(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  return addresses.some(({ family }) => family === 'IPv6') ? '::' : '0.0.0.0';
}

/**
 * Derives the defaults that depend on other settings, and refuses settings that contradict each other.
 *
 * @throws {InvalidOptions}
 */
export function complete(settings: Settings): EffectiveSettings {
  const production = settings.mode === 'production';
  const authenticator =
    settings.authenticator ?? PluginSettings.of(settings.keystone.auth_url ? 'keystone' : 'development');
  const host = settings.host ?? (production ? allAddresses() : '127.0.0.1');
  // The catalog's endpoint ends with the version, which every link adds to its base.
  const public_url = configuredBaseUrl(settings.public_url ?? '')?.replace(/\/v2(?:\.1)?$/, '');
  const { use: source } = settings.source;
  const image_url = configuredBaseUrl(settings.image_url ?? '');
  const image = Object.assign(settings.image, { port: settings.image.port ?? defaultImagePort(settings) });
  const development = authenticator.use === 'development';

  const problems = databaseUrlProblems(settings.database);
  if (settings.database.listen_url && !settings.database.url) {
    problems.push('DATABASE_LISTEN_URL is not allowed without DATABASE_URL: both are the same database');
  }
  if (settings.database.pooler === 'transaction' && !settings.database.listen_url) {
    problems.push(
      'DATABASE_LISTEN_URL is missing: with DATABASE_POOLER = "transaction" it has to lead to the primary, past the pooler',
    );
  }
  if (production) {
    if (!settings.database.url) problems.push('DATABASE_URL is missing: production has no embedded database');
    if (!public_url && settings.port !== 'off') {
      problems.push('GLIMPSE_PUBLIC_URL is missing: production requires it');
    }
    if (!image_url && !source) {
      problems.push('GLIMPSE_IMAGE_URL is missing: production requires it, unless a source knows it');
    }
    if (settings.identities) {
      problems.push('GLIMPSE_IDENTITIES is not allowed in production: identities come from Keystone there');
    }
    if (development) {
      problems.push(
        'authenticator = development is not allowed in production: set OS_AUTH_URL, or name another one',
      );
    }
  }
  if (source && authenticator.use !== 'keystone') {
    problems.push(
      `GLIMPSE_SOURCE = ${JSON.stringify(source)} is not allowed with the authenticator ` +
        `${JSON.stringify(authenticator.use)}: images are changed there with tokens of Keystone; set OS_AUTH_URL`,
    );
  }
  problems.push(...problemsOfServiceUser(settings), ...completeData(settings));
  if (settings.policy.defaults && !source) {
    problems.push(
      `GLIMPSE_POLICY_DEFAULTS = ${JSON.stringify(settings.policy.defaults)} is not allowed without GLIMPSE_SOURCE: ` +
        'it selects the defaults of the source',
    );
  }
  if (settings.port === 'off' && image.port === 'off') {
    problems.push(
      'GLIMPSE_PORT and GLIMPSE_IMAGE_PORT are both off: there must be a port for at least one API',
    );
  }
  if (image.port !== 'off' && source === 'glance' && !settings.glance.url) {
    problems.push(
      'GLIMPSE_GLANCE_URL is missing: the Image API requires it, since the image endpoint of the catalog may lead here',
    );
  }
  if (settings.glance.url && source !== 'glance') {
    problems.push('GLIMPSE_GLANCE_URL is not allowed without GLIMPSE_SOURCE = "glance"');
  }
  if (settings.identities && authenticator.use === 'keystone') {
    problems.push('GLIMPSE_IDENTITIES is not allowed together with the authenticator keystone: unset one');
  }
  if (development && !production && !settings.identities && !isLoopback(host)) {
    problems.push(
      `GLIMPSE_HOST = ${JSON.stringify(host)} is not allowed: the built-in development tokens are served on ` +
        'loopback only (127.0.0.1, ::1, localhost); name tokens of your own in GLIMPSE_IDENTITIES',
    );
  }
  if (problems.length > 0) throw new InvalidOptions(problems);
  settings.shutdown.delay ??= production ? 5 : 0;
  return Object.assign(settings, { host, public_url, image_url, image, authenticator });
}
