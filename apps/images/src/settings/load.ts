import { readFileSync } from 'node:fs';
import { readIdentities } from '@glimpse/auth';
import type { Identity } from '@glimpse/domain';
import { InvalidOptions, readOptions } from '@glimpse/options';
import { parse, parseDocument } from 'yaml';
import { complete } from './complete.js';
import { hasOwnOptions, type DataOptions, type DataSettings } from './data.js';
import { environmentName } from './environment-name.js';
import { Settings, type EffectiveSettings } from './settings.js';

/** The variables that Kubernetes sets for a Service named `glimpse` or `glimpse-…`, unless `enableServiceLinks` is off. */
const SERVICE_LINK = {
  name: /^GLIMPSE_(?:.+_)?(?:SERVICE_(?:HOST|PORT)(?:_.*)?|PORT_\d+_(?:TCP|UDP|SCTP)(?:_.*)?)$/,
  /** The value of `GLIMPSE_PORT`, which is a setting, too. */
  value: /^(?:tcp|udp|sctp):\/\/.+:\d+$/,
};

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

/** An environment variable, or the contents of the file that `NAME_FILE` names. An empty value counts as unset. */
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

/** Reads YAML without types. Errors do not quote the text, which may hold a password. */
function parseYaml(text: string, name: string): unknown {
  const document = parseDocument(text, { schema: 'failsafe', logLevel: 'silent' });
  const [problem] = [...document.errors, ...document.warnings];
  if (problem) {
    const what = problem.code.toLowerCase().replaceAll('_', ' ');
    throw new InvalidOptions([`${name} is not YAML: ${what} in line ${problem.linePos?.[0].line}`]);
  }
  try {
    return document.toJS();
  } catch {
    throw new InvalidOptions([`${name} is not YAML: an alias (*name) has no anchor (&name)`]);
  }
}

/** The YAML file as a tree. Every scalar is text, so that 2.40 is not a number, and an empty one is unset. */
function readFileTree(file: string): Tree {
  const tree = parseYaml(readTextFile(file, 'GLIMPSE_CONFIG'), `GLIMPSE_CONFIG = ${JSON.stringify(file)}`);
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
    // The file has a value where a mapping is expected; that is refused later.
    if (typeof at !== 'object') return;
  }
  at[last] = value;
}

/**
 * Takes the options of stores from modules out of the settings: the modules read them.
 *
 * @returns what gives them back
 */
function takeDataOptions(tree: Tree): (data: DataSettings) => void {
  const data = tree['data'];
  if (!isTree(data)) return () => undefined;
  const ofOne = takeOwnOptions(data);
  const stores = Array.isArray(data['stores']) ? (data['stores'] as unknown[]) : [];
  const ofEach = stores.map((store) => (isTree(store) ? takeOwnOptions(store) : undefined));
  return (settings) => {
    if (ofOne) settings.options = ofOne;
    ofEach.forEach((options, at) => options && (settings.stores[at]!.options = options));
  };
}

/** Takes the options of one store from a module. */
function takeOwnOptions(store: Tree): DataOptions | undefined {
  const { use, options = {} } = store;
  if (!hasOwnOptions(use) || !isTree(options)) return undefined;
  delete store['options'];
  return options as unknown as DataOptions;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

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
  throw new InvalidOptions(
    unknown.map(
      (name) => `${name} is not a known setting: known are ${namesLike(name, [...known]).join(', ')}`,
    ),
  );
}

/** The names of the group that an unknown name belongs to; all groups, `GLIMPSE_DATA_…`, where it belongs to none. */
function namesLike(unknown: string, known: readonly string[]): string[] {
  const names = known.filter((name) => name.startsWith('GLIMPSE_'));
  const groupOf = (name: string): string => name.split('_', 2).join('_');
  const group = names.filter((name) => groupOf(name) === groupOf(unknown));
  if (group.length > 0) return group;
  const groups = names.map((name) => {
    const isAlone = names.filter((other) => groupOf(other) === groupOf(name)).length === 1;
    return isAlone ? name : `${groupOf(name)}_…`;
  });
  return [...new Set(groups)];
}

/**
 * Reads the settings: the environment wins over the YAML file that `GLIMPSE_CONFIG` names, and both over the defaults.
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
  const name = (path: string): string =>
    fromEnvironment.has(path) || file === undefined ? environmentName(path) : `${path} in ${file}`;
  const giveDataOptions = takeDataOptions(tree);
  const settings = readOptions(Settings, tree, name);
  giveDataOptions(settings.data);
  return complete(settings);
}

/**
 * Reads the certificates of the authorities that a service's certificate must be signed by.
 *
 * @param path the setting that names the file
 * @throws {InvalidOptions}
 */
export function readCertificates(file: string, path: string): string {
  const name = environmentName(path);
  const certificates = readTextFile(file, name);
  if (certificates.includes('-----BEGIN CERTIFICATE-----')) return certificates;
  throw new InvalidOptions([`${name} = ${JSON.stringify(file)} holds no certificate in PEM form`]);
}

/**
 * Reads a file that is read again later.
 *
 * @param path the setting that names the file
 * @throws {InvalidOptions} it is empty, or cannot be read
 */
export function requireReadable(file: string, path: string): void {
  const name = environmentName(path);
  if (readTextFile(file, name).trim() === '') {
    throw new InvalidOptions([`${name} = ${JSON.stringify(file)} is empty`]);
  }
}

/**
 * Reads the file of development identities, which is YAML or JSON.
 *
 * @returns the identity of each token
 * @throws {InvalidOptions}
 */
export function readIdentitiesFile(file: string): Map<string, Identity> {
  const text = readTextFile(file, 'GLIMPSE_IDENTITIES');
  const name = `GLIMPSE_IDENTITIES = ${JSON.stringify(file)}`;
  let document: unknown;
  try {
    document = parse(text, { logLevel: 'error' });
  } catch {
    // The error's own message would quote the text, and so perhaps a token.
    throw new InvalidOptions([`${name} is neither JSON nor YAML`]);
  }
  try {
    return readIdentities(document);
  } catch (error) {
    if (!(error instanceof InvalidOptions)) throw error;
    throw new InvalidOptions(error.problems.map((problem) => `${name}: ${problem}`));
  }
}
