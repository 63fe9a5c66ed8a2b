import { InvalidInput, parseJson } from '../../http/validation.js';
import { hasOwnOptions, type DataSettings } from '../../settings/data.js';

/** The methods of an import, where there is a store. Downloads from the web are left out on purpose. */
const IMPORT_METHODS: readonly string[] = ['glance-direct'];

type Store = Pick<DataSettings, 'use'>;

export const importMethodsOf = ({ use }: Store): readonly string[] =>
  use === undefined ? [] : IMPORT_METHODS;

/** The name of the only store, as clients see it. That of a plugin is a module of this machine. */
export const storeNameOf = ({ use }: Store): string | undefined => (hasOwnOptions(use) ? 'plugin' : use);

/**
 * Checks the body of an import.
 *
 * @throws {InvalidInput} another method, or another store
 */
export function checkImportBody(body: Buffer | undefined, store: string | undefined): void {
  const document = parseJson(body) as ImportDocument | null;
  const name = document?.method?.name;
  if (typeof name !== 'string') throw new InvalidInput('The import method has no name.');
  if (!IMPORT_METHODS.includes(name)) {
    throw new InvalidInput(
      `Unknown import method name '${name}'. Allowed are: ${IMPORT_METHODS.join(', ')}.`,
    );
  }
  const stores = document?.stores ?? [];
  const isKnown = (name: unknown): boolean => name === store;
  if (store !== undefined && (!Array.isArray(stores) || !stores.every(isKnown))) {
    throw new InvalidInput(`The only store of this service is ${store}.`);
  }
}

interface ImportDocument {
  readonly method?: { readonly name?: unknown } | null;
  readonly stores?: unknown;
}
