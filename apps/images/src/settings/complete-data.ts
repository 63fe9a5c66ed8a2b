import { join, resolve } from 'node:path';
import { configuredStores, type ConfiguredStore } from './data.js';
import { environmentName } from './environment-name.js';
import type { Settings } from './settings.js';

/** Derives the stores of image data, and returns what is wrong with them. */
export function completeData(settings: Settings): string[] {
  const { mode, data, data_dir, source } = settings;
  if (source.use) {
    const names = [data.use && 'GLIMPSE_DATA_USE', data.stores.length > 0 && 'data.stores'].filter(Boolean);
    return names.map(
      (name) => `${name} is not allowed with GLIMPSE_SOURCE: image data is stored by the source`,
    );
  }
  if (data.stores.length > 0) return problemsOfStores(settings);
  if (data.default_store) {
    return ['GLIMPSE_DATA_DEFAULT_STORE is not allowed without data.stores: there is one store at most'];
  }
  if (mode === 'development') {
    data.use ??= 'file';
    if (data.use === 'file') data.options.path ??= join(data_dir, 'images');
  }
  return configuredStores(data).flatMap(problemsOf);
}

function problemsOfStores({ data }: Settings): string[] {
  const { stores, use, options } = data;
  const names = stores.map(({ id }) => id);
  if (stores.length === 1) data.default_store ??= names[0]!;
  const problems: string[] = [];
  if (use) problems.push('GLIMPSE_DATA_USE is not allowed with data.stores: each of these has its own');
  if (options.path || options.bucket) {
    problems.push('data.options is not allowed with data.stores: each of these has its own');
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) problems.push(`data.stores: two stores have the id ${JSON.stringify(twice)}`);
  const { default_store: chosen } = data;
  if (chosen === undefined || !names.includes(chosen)) {
    const seen = chosen === undefined ? 'is missing' : `= ${JSON.stringify(chosen)} is not allowed`;
    problems.push(`GLIMPSE_DATA_DEFAULT_STORE ${seen}: it must be one of data.stores: ${names.join(', ')}`);
  }
  const configured = configuredStores(data);
  return [...problems, ...configured.flatMap(problemsOf), ...problemsOfPlaces(configured)];
}

/** Two stores in one place would delete each other's objects. */
function problemsOfPlaces(stores: readonly ConfiguredStore[]): string[] {
  const places = new Map<string, ConfiguredStore>();
  return stores.flatMap((store) => {
    const { use, options } = store;
    const { path, endpoint, bucket, prefix } = options;
    const place = JSON.stringify(
      use === 'file' ? resolve(path ?? '') : use === 's3' ? [endpoint, bucket, prefix] : { name: store.name },
    );
    const other = places.get(place);
    places.set(place, store);
    return other ? [`data.stores: ${other.name} and ${store.name} have the same place`] : [];
  });
}

function problemsOf({ name, use, options, path }: ConfiguredStore): string[] {
  const user = name === undefined ? `GLIMPSE_DATA_USE = ${JSON.stringify(use)}` : `the store ${name}`;
  const nameOf = (key: string): string => environmentName(`${path}.${key}`);
  const missing = (key: string, why = user): string => `${nameOf(key)} is missing: ${why} requires it`;
  if (use === 'file') {
    return options.path ? [] : [missing('path', name === undefined ? `in production ${user}` : user)];
  }
  if (use !== 's3') return [];
  const problems = options.bucket ? [] : [missing('bucket')];
  const { access_key_file: access, secret_key_file: secret } = options;
  if (!access !== !secret) {
    const [given, other] = access
      ? ['access_key_file', 'secret_key_file']
      : ['secret_key_file', 'access_key_file'];
    problems.push(missing(other!, nameOf(given!)));
  }
  return problems;
}
