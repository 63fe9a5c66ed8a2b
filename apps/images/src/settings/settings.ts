import { configuredBaseUrl } from '@glimpse/links';
import {
  InvalidOptions,
  Matching,
  Nested,
  OneOf,
  Optional,
  Secret,
  Text,
  TrueOrFalse,
  WholeNumber,
} from '@glimpse/options';
import { BadDatabaseUrl, parseDatabaseUrl } from '@glimpse/store';
import { ArrayNotEmpty, IsArray, IsObject, IsString } from 'class-validator';
import { LOG_LEVELS, type LogLevel } from '../telemetry/observations.js';
import { ServiceUserSettings } from './service-user.js';

const isBaseUrl = (value: string): boolean => configuredBaseUrl(value) !== undefined;
const isDatabaseUrl = (value: string): boolean => /^postgres(?:ql)?:\/\//.test(value);
const isMaxMicroversion = (value: string): boolean => /^2\.[1-9]\d{0,5}$/.test(value);
const isOriginList = (value: string): boolean =>
  value.split(',').every((origin) => /^(?:\*|https?:\/\/[^/?#\s@]+)$/.test(origin.trim()));
const ORIGINS =
  'origins such as https://horizon.example.com, separated by commas and without a slash at the end, or *';
/** An interface of Keystone's catalog as openrc files spell it, too: `internalURL`. */
const interfaceName = (text: string): string => text.toLowerCase().replace(/url$/, '');
const BASE_URL = 'an http or https URL without query, fragment or credentials';

/** A plugin by its built-in name or module specifier. */
export class PluginSettings {
  @Text()
  use!: string;

  @IsObject({ message: 'a mapping of options' })
  options: Record<string, unknown> = {};

  static of(use: string, options: Record<string, unknown> = {}): PluginSettings {
    return Object.assign(new PluginSettings(), { use, options });
  }
}

class DatabaseSettings {
  /** The PostgreSQL that holds the catalogue; unset: the embedded one. */
  @Optional()
  @Secret('a postgresql:// URL', isDatabaseUrl)
  url?: string;

  /** A direct connection to the primary, for notices; unset: as `url`. */
  @Optional()
  @Secret('a postgresql:// URL', isDatabaseUrl)
  listen_url?: string;

  /** What a pooler in front of it at `url` shares connections out for; unset: there is none. */
  @Optional()
  @OneOf(['session', 'transaction'])
  pooler?: 'session' | 'transaction';

  /** The most connections that one process opens, beside the one for notices. */
  @WholeNumber(1, 1000)
  pool = 10;
}

class CacheSettings {
  /** The most MiB of images that are kept; 0: none, and nothing listens. */
  @WholeNumber(0, 65_536)
  size = 64;
}

class StaleSettings {
  /** The status of an answer from a copy, while the database cannot be asked. */
  @OneOf([203, 200])
  status: 200 | 203 = 203;

  /** Seconds since a copy was last known to be current, after which it is not served any more. */
  @WholeNumber(0, 86_400)
  limit = 300;
}

class KeystoneSettings {
  /** Where Keystone is. */
  @Optional()
  @Matching(BASE_URL, isBaseUrl)
  auth_url?: string;

  /** Where the challenge of a 401 sends clients. */
  @Optional()
  @Matching(BASE_URL, isBaseUrl)
  public_url?: string;

  /** The service's own user, with its password and project; or an application credential. */
  @Optional()
  @Text()
  username?: string;

  @Optional()
  @Secret()
  password?: string;

  @Optional()
  @Text()
  project_name?: string;

  /** The domains of the user and of the project, by id or else by name; unset: `default`. */
  @Optional()
  @Text()
  user_domain_id?: string;

  @Optional()
  @Text()
  user_domain_name?: string;

  @Optional()
  @Text()
  project_domain_id?: string;

  @Optional()
  @Text()
  project_domain_name?: string;

  @Optional()
  @Text()
  application_credential_id?: string;

  @Optional()
  @Secret()
  application_credential_secret?: string;

  /** Which of the catalog's identity endpoints validates tokens, and in which region; unset: `auth_url`. */
  @Optional()
  @OneOf(['public', 'internal', 'admin'], interfaceName)
  interface?: 'public' | 'internal' | 'admin';

  @Optional()
  @Text()
  region_name?: string;

  /** A file of the certificates that Keystone's own must be signed by. */
  @Optional()
  @Text()
  cacert?: string;

  /** Seconds. */
  @WholeNumber(1, 60)
  connect_timeout = 2;

  @WholeNumber(1, 60)
  timeout = 5;

  /** Calls that run at once, and that wait for it. */
  @WholeNumber(1, 1000)
  concurrency = 16;

  @WholeNumber(0, 100_000)
  queue = 1024;

  @Nested(() => ServiceUserSettings)
  service_user = new ServiceUserSettings();
}

class TokenSettings {
  /** Seconds for which a token that Keystone knew is not asked about again. */
  @WholeNumber(0, 300)
  cache = 300;

  /** Seconds for which it counts beyond that while Keystone cannot be asked. */
  @WholeNumber(0, 86_400)
  outage = 0;

  /** The roles that make a token a service's. */
  @ArrayNotEmpty({ message: 'a list of role names' })
  @IsString({ each: true, message: 'a list of role names' })
  service_roles: string[] = ['service'];

  /** The type of this service in the catalog, which access rules of application credentials name. */
  @Text()
  service_type = 'compute';
}

class SourceSettings {
  /** The service whose images the catalogue mirrors, `glance` or a plugin's; unset: it is its own truth. */
  @Optional()
  @Text()
  use?: string;

  @IsObject({ message: 'a mapping of options' })
  options: Record<string, unknown> = {};

  /** Seconds since what had changed there was last seen, after which no image is served any more. */
  @WholeNumber(60, 604_800)
  stale_limit = 3600;

  /** Seconds from one look at what has changed to the next, and by which each reaches back. */
  @WholeNumber(1, 60)
  interval = 2;

  @WholeNumber(1, 600)
  overlap = 10;

  /** Seconds after which a walk over all images begins again, and members are read again. */
  @WholeNumber(1, 86_400)
  round = 60;

  /** How many images that the catalogue lacks are asked for there at once; one project has a quarter of them. */
  @WholeNumber(4, 1000)
  look_ups = 16;
}

class GlanceSettings {
  /** Where Glance is; unset: the image endpoint of Keystone's catalog. */
  @Optional()
  @Matching(BASE_URL, isBaseUrl)
  url?: string;

  /** Which of the catalog's endpoints is asked. */
  @OneOf(['public', 'internal', 'admin'], interfaceName)
  interface: 'public' | 'internal' | 'admin' = 'public';

  /** The role that makes the service's user an administrator to Glance: its `context_is_admin`. */
  @Text()
  admin_role = 'admin';

  /** A file of the certificates that Glance's own must be signed by; unset: as for Keystone. */
  @Optional()
  @Text()
  cacert?: string;

  /** Seconds. */
  @WholeNumber(1, 60)
  connect_timeout = 2;

  @WholeNumber(1, 60)
  timeout = 5;
}

class LinkSettings {
  /** Whether links carry the project id of the request's URL. */
  @OneOf(['request', 'never'])
  project: 'request' | 'never' = 'request';
}

class PolicySettings {
  /** A policy file in oslo.policy's language, in YAML or JSON; its rules go before the defaults. */
  @Optional()
  @Text()
  file?: string;

  /** The defaults of the Glance that is mirrored, for rules that no file replaces: those since 2023.1, or before. */
  @Optional()
  @OneOf(['current', 'legacy'])
  defaults?: 'current' | 'legacy';

  /** Folders of such files, which go before `file`, in the order of their names. */
  @IsArray({ message: 'a list of folders' })
  @IsString({ each: true, message: 'a list of folders' })
  dirs: string[] = [];
}

class PropertyProtectionSettings {
  /** Which callers may create, read, update and delete which custom properties: Glance's `property_protection_file`. */
  @Optional()
  @Text()
  file?: string;

  /** What its lines name: roles, or rules of the policy. */
  @OneOf(['roles', 'policies'])
  rule_format: 'roles' | 'policies' = 'roles';
}

class LogSettings {
  @OneOf(LOG_LEVELS)
  level: LogLevel = 'info';

  /** Whether every request has a line, not only changes, failures and slow ones. */
  @TrueOrFalse()
  requests = false;
}

class ShutdownSettings {
  /** Seconds for which requests are still accepted after the signal to stop; unset: 0, in production 5. */
  @Optional()
  @WholeNumber(0, 300)
  delay?: number;

  /** Seconds that accepted requests have from then on. */
  @WholeNumber(1, 300)
  timeout = 10;
}

/** Which web pages may use the API, with the names, defaults and meaning of Nova's `[cors]`. */
class CorsSettings {
  /** Their origins, or `*` for all; unset: none. */
  @Optional()
  @Matching(ORIGINS, isOriginList)
  allowed_origin?: string;

  @TrueOrFalse()
  allow_credentials = true;

  /** Unset: Nova's. */
  @Optional()
  @Text()
  expose_headers?: string;

  /** Seconds for which a browser may keep the response to a preflight. */
  @WholeNumber(0, 86_400)
  max_age = 3600;

  @Text()
  allow_methods = 'GET,PUT,POST,DELETE,PATCH';

  @Optional()
  @Text()
  allow_headers?: string;
}

class MetricsSettings {
  /** Serves `/metrics` on a port of its own instead of the service's. */
  @Optional()
  @WholeNumber(1, 65535)
  port?: number;
}

/**
 * All settings. Each scalar one is a key of the YAML file and an environment variable, `GLIMPSE_` and the
 * path in capitals, but for those that `load.ts` lists.
 */
export class Settings {
  @OneOf(['development', 'production'])
  mode: 'development' | 'production' = 'development';

  /** The address to listen on; unset: 127.0.0.1 in development, 0.0.0.0 in production. */
  @Optional()
  @Text()
  host?: string;

  @WholeNumber(0, 65535)
  port = 8774;

  /** Where the embedded database and the development tokens live. */
  @Text()
  data_dir = '.glimpse';

  /** Whether an empty embedded catalogue gets sample images. */
  @OneOf(['on', 'off'])
  samples: 'on' | 'off' = 'on';

  /** The base of links to this service; unset: what the request says. */
  @Optional()
  @Matching(BASE_URL, isBaseUrl)
  public_url?: string;

  /** The base of links to the image service; unset with a source: where that is. */
  @Optional()
  @Matching(BASE_URL, isBaseUrl)
  image_url?: string;

  @Matching('a microversion such as 2.38, from 2.1 on', isMaxMicroversion)
  max_microversion = '2.38';

  /** A file of development identities, in the place of the built-in ones. */
  @Optional()
  @Text()
  identities?: string;

  @Nested(() => DatabaseSettings)
  database = new DatabaseSettings();

  @Nested(() => CacheSettings)
  cache = new CacheSettings();

  @Nested(() => StaleSettings)
  stale = new StaleSettings();

  @Nested(() => KeystoneSettings)
  keystone = new KeystoneSettings();

  @Nested(() => TokenSettings)
  token = new TokenSettings();

  @Nested(() => SourceSettings)
  source = new SourceSettings();

  @Nested(() => GlanceSettings)
  glance = new GlanceSettings();

  @Nested(() => LinkSettings)
  links = new LinkSettings();

  @Nested(() => PolicySettings)
  policy = new PolicySettings();

  @Nested(() => PropertyProtectionSettings)
  property_protections = new PropertyProtectionSettings();

  @Nested(() => LogSettings)
  log = new LogSettings();

  @Nested(() => CorsSettings)
  cors = new CorsSettings();

  @Nested(() => MetricsSettings)
  metrics = new MetricsSettings();

  @Nested(() => ShutdownSettings)
  shutdown = new ShutdownSettings();

  @Nested(() => PluginSettings)
  extensions: PluginSettings[] = [
    PluginSettings.of('OS-EXT-IMG-SIZE', { as: 'integer' }),
    PluginSettings.of('OS-DCF'),
  ];

  /** Unset: `keystone` where Keystone's URL is set, else `development`. */
  @Optional()
  @Nested(() => PluginSettings)
  authenticator?: PluginSettings;
}

/** What is wrong with the user whose token is sent beside callers'. */
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

/** The settings in effect, with what depends on others filled in. */
export type EffectiveSettings = Settings & Required<Pick<Settings, 'host' | 'authenticator'>>;

/** Whether nobody but this machine reaches an address. */
export const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);

/** What is wrong with the connection URLs; no part of them is shown. */
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

/**
 * Fills in what depends on other settings, and refuses what does not go together.
 *
 * @throws {InvalidOptions}
 */
export function complete(settings: Settings): EffectiveSettings {
  const production = settings.mode === 'production';
  const authenticator =
    settings.authenticator ?? PluginSettings.of(settings.keystone.auth_url ? 'keystone' : 'development');
  const host = settings.host ?? (production ? '0.0.0.0' : '127.0.0.1');
  // The catalog's endpoint names the version, which every link has behind its base.
  const public_url = configuredBaseUrl(settings.public_url ?? '')?.replace(/\/v2(?:\.1)?$/, '');
  const { use: source } = settings.source;
  const usual_image_url = production || source ? '' : 'http://127.0.0.1:9292';
  const image_url = configuredBaseUrl(settings.image_url ?? usual_image_url);
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
    if (!public_url) problems.push('GLIMPSE_PUBLIC_URL is missing: production requires it');
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
  problems.push(...problemsOfServiceUser(settings));
  if (settings.policy.defaults && !source) {
    problems.push(
      `GLIMPSE_POLICY_DEFAULTS = ${JSON.stringify(settings.policy.defaults)} is not allowed without GLIMPSE_SOURCE: ` +
        'it says which defaults the source has',
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
  return Object.assign(settings, { host, public_url, image_url, authenticator });
}
