import { readFileSync } from 'node:fs';
import { configuredBaseUrl } from '@glimpse/links';
import {
  InvalidOptions,
  Matching,
  Nested,
  OneOf,
  Optional,
  Text,
  TrueOrFalse,
  WholeNumber,
  readOptions,
} from '@glimpse/plugins';
import { IsObject, IsString } from 'class-validator';
import { parse } from 'yaml';
import { isMicroversion } from './compute/microversion.js';
import { LOG_LEVELS, type LogLevel } from './telemetry/observations.js';

const isBaseUrl = (value: string): boolean => configuredBaseUrl(value) !== undefined;
const isDatabaseUrl = (value: string): boolean => /^postgres(?:ql)?:\/\//.test(value) && URL.canParse(value);
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
  @Matching('a postgresql:// URL', isDatabaseUrl)
  url?: string;

  /** The most connections that one process opens. */
  @WholeNumber(1, 1000)
  pool = 10;
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

  /** Folders of such files, which go before `file`, in the order of their names. */
  @IsString({ each: true, message: 'a list of folders' })
  dirs: string[] = [];
}

class LogSettings {
  @OneOf(LOG_LEVELS)
  level: LogLevel = 'info';

  /** Whether every request has a line, not only changes, failures and slow ones. */
  @TrueOrFalse()
  requests = false;
}

class MetricsSettings {
  /** Serves `/metrics` on a port of its own instead of the service's. */
  @Optional()
  @WholeNumber(1, 65535)
  port?: number;
}

/**
 * All settings. Each scalar one is a key of the YAML file and an environment variable, `GLIMPSE_` and the
 * path in capitals, but for those that {@link STANDARD_NAMES} lists.
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

  /** The base of links to the image service. */
  @Optional()
  @Matching(BASE_URL, isBaseUrl)
  image_url?: string;

  @Matching('a microversion such as 2.38, from 2.1 on', isMicroversion)
  max_microversion = '2.38';

  /** A file of development identities, in the place of the built-in ones. */
  @Optional()
  @Text()
  identities?: string;

  @Nested(() => DatabaseSettings)
  database = new DatabaseSettings();

  @Nested(() => KeystoneSettings)
  keystone = new KeystoneSettings();

  @Nested(() => LinkSettings)
  links = new LinkSettings();

  @Nested(() => PolicySettings)
  policy = new PolicySettings();

  @Nested(() => LogSettings)
  log = new LogSettings();

  @Nested(() => MetricsSettings)
  metrics = new MetricsSettings();

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

/** Settings whose environment variable has a name that the field knows. */
const STANDARD_NAMES: Readonly<Record<string, string>> = {
  'database.url': 'DATABASE_URL',
  'keystone.auth_url': 'OS_AUTH_URL',
};

/** Settings that are not to be shown as they are. */
const SECRETS: ReadonlySet<string> = new Set(['database.url']);

/** How options of plugins are called that are not to be shown either. */
const SECRET_OPTION = /password|secret/i;

/** What Kubernetes puts into the environment for a Service named `glimpse` or `glimpse-…`, unless `enableServiceLinks` is off. */
const SERVICE_LINK = {
  name: /^GLIMPSE_(?:.+_)?(?:SERVICE_(?:HOST|PORT)(?:_.*)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_.*)?)$/,
  /** Of `GLIMPSE_PORT`, which is a setting, too. */
  value: /^(?:tcp|udp|sctp):\/\/.+:\d+$/,
};

/** The settings in effect, with what depends on others filled in. */
export type EffectiveSettings = Settings & Required<Pick<Settings, 'host' | 'image_url' | 'authenticator'>>;

function environmentName(path: string): string {
  return STANDARD_NAMES[path] ?? `GLIMPSE_${path.toUpperCase().replaceAll('.', '_')}`;
}

/** The paths of all scalar settings. */
function scalarPaths(settings: object = new Settings(), prefix = ''): string[] {
  return Object.entries(settings).flatMap(([key, value]) => {
    if (Array.isArray(value) || key === 'authenticator') return [];
    return typeof value === 'object' ? scalarPaths(value as object, `${prefix}${key}.`) : [prefix + key];
  });
}

/** Each scalar setting's path in the file and its environment variable. */
export function settingNames(): { path: string; variable: string }[] {
  return scalarPaths().map((path) => ({ path, variable: environmentName(path) }));
}

type Environment = Readonly<Record<string, string | undefined>>;
type Tree = { [key: string]: unknown };

/** An environment variable, or what the file named by `NAME_FILE` holds. An empty value is an unset one. */
function read(env: Environment, name: string): string | undefined {
  const file = env[`${name}_FILE`];
  if (!file) return env[name] || undefined;
  if (env[name]) throw new InvalidOptions([`${name} and ${name}_FILE are both set: only one may be`]);
  return readTextFile(file, `${name}_FILE`).replace(/\r?\n$/, '') || undefined;
}

function readTextFile(file: string, name: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new InvalidOptions([
      `${name} = ${JSON.stringify(file)} cannot be read: ${(error as Error).message}`,
    ]);
  }
}

/** The YAML file as a tree. Every scalar stays the text it is, so that 2.40 is no number, and an empty one is unset. */
function readFileTree(file: string): Tree {
  let tree: unknown;
  try {
    tree = parse(readTextFile(file, 'GLIMPSE_CONFIG'), { schema: 'failsafe' });
  } catch (error) {
    if (error instanceof InvalidOptions) throw error;
    const reason = (error as Error).message.split('\n', 1)[0];
    throw new InvalidOptions([`GLIMPSE_CONFIG = ${JSON.stringify(file)} is not YAML: ${reason}`]);
  }
  if (tree === null || tree === '') return {};
  if (typeof tree !== 'object' || Array.isArray(tree)) {
    throw new InvalidOptions([`GLIMPSE_CONFIG = ${JSON.stringify(file)} must hold a mapping of settings`]);
  }
  return withoutEmpty(tree as Tree);
}

function withoutEmpty<T>(value: T): T {
  if (Array.isArray(value)) return value.map(withoutEmpty) as T;
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, inner]) => inner !== '' && inner !== null);
  return Object.fromEntries(entries.map(([key, inner]) => [key, withoutEmpty(inner as unknown)])) as T;
}

function setPath(tree: Tree, path: string, value: string): void {
  const keys = path.split('.');
  const last = keys.pop()!;
  let at = tree;
  for (const key of keys) {
    at = (at[key] ??= {}) as Tree;
    // No mapping where the file should have one: that is refused as it stands.
    if (typeof at !== 'object') return;
  }
  at[last] = value;
}

/** Hides a wrong secret from what says that it is wrong. */
function hideWrongSecret(tree: Tree): void {
  const url = (tree['database'] as Tree | undefined)?.['url'];
  if (typeof url === 'string' && !isDatabaseUrl(url)) setPath(tree, 'database.url', '***');
}

function withoutServiceLinks(env: Environment): Environment {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name, value = '']) => !SERVICE_LINK.name.test(name) && !SERVICE_LINK.value.test(value),
    ),
  );
}

function refuseUnknownNames(env: Environment, paths: readonly string[]): void {
  const known = new Set(['GLIMPSE_CONFIG', ...paths.map(environmentName)]);
  const unknown = Object.keys(env).filter(
    (name) => name.startsWith('GLIMPSE_') && !known.has(name) && !known.has(name.replace(/_FILE$/, '')),
  );
  if (unknown.length === 0) return;
  const names = [...known].filter((name) => name.startsWith('GLIMPSE_')).join(', ');
  throw new InvalidOptions(unknown.map((name) => `${name} is not a known setting: known are ${names}`));
}

/**
 * Reads the settings: the environment before the YAML file that `GLIMPSE_CONFIG` names, before the defaults.
 *
 * @throws {InvalidOptions} naming each key, the value, and what is allowed
 */
export function loadSettings(environment: Environment): EffectiveSettings {
  const env = withoutServiceLinks(environment);
  const paths = scalarPaths();
  refuseUnknownNames(env, paths);
  const file = read(env, 'GLIMPSE_CONFIG');
  const tree = file === undefined ? {} : readFileTree(file);
  const fromEnvironment = new Set<string>();
  for (const path of paths) {
    const value = read(env, environmentName(path));
    if (value === undefined) continue;
    setPath(tree, path, value);
    fromEnvironment.add(path);
  }
  hideWrongSecret(tree);
  const name = (path: string): string =>
    fromEnvironment.has(path) || file === undefined ? environmentName(path) : `${path} in ${file}`;
  return complete(readOptions(Settings, tree, name));
}

const isLoopback = (host: string): boolean => /^(?:localhost|127(?:\.\d{1,3}){3}|::1)$/.test(host);

function complete(settings: Settings): EffectiveSettings {
  const production = settings.mode === 'production';
  const authenticator =
    settings.authenticator ?? PluginSettings.of(settings.keystone.auth_url ? 'keystone' : 'development');
  const host = settings.host ?? (production ? '0.0.0.0' : '127.0.0.1');
  const public_url = configuredBaseUrl(settings.public_url ?? '');
  const image_url = configuredBaseUrl(settings.image_url ?? (production ? '' : 'http://127.0.0.1:9292'));
  const development = authenticator.use === 'development';

  const problems: string[] = [];
  if (production) {
    if (!settings.database.url) problems.push('DATABASE_URL is missing: production has no embedded database');
    if (!public_url) problems.push('GLIMPSE_PUBLIC_URL is missing: production requires it');
    if (!image_url) problems.push('GLIMPSE_IMAGE_URL is missing: production requires it');
    if (settings.identities) {
      problems.push('GLIMPSE_IDENTITIES is not allowed in production: identities come from Keystone there');
    }
    if (development) {
      problems.push(
        'authenticator = development is not allowed in production: set OS_AUTH_URL, or name another one',
      );
    }
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
  return Object.assign(settings, { host, public_url, image_url: image_url!, authenticator });
}

/** Reads the file of development identities as YAML, which JSON is. */
export function readIdentitiesFile(file: string): unknown {
  try {
    return parse(readTextFile(file, 'GLIMPSE_IDENTITIES'));
  } catch (error) {
    if (error instanceof InvalidOptions) throw error;
    // The reason would quote the text, and so perhaps a token.
    throw new InvalidOptions([`GLIMPSE_IDENTITIES = ${JSON.stringify(file)} is neither JSON nor YAML`]);
  }
}

/** The settings in effect as a tree to show, with secrets masked. */
export function maskedSettings(settings: EffectiveSettings): Tree {
  const text = JSON.stringify(settings, (key, value: unknown) => (SECRET_OPTION.test(key) ? '***' : value));
  const tree = JSON.parse(text) as Tree;
  for (const path of SECRETS) {
    const [group, key] = path.split('.') as [string, string];
    const values = tree[group] as Tree;
    if (typeof values[key] === 'string') values[key] = masked(values[key]);
  }
  return tree;
}

function masked(url: string): string {
  const shown = new URL(url);
  if (shown.password) shown.password = '***';
  shown.searchParams.forEach((_, key) => {
    if (key.toLowerCase().includes('password')) shown.searchParams.set(key, '***');
  });
  return shown.toString();
}
