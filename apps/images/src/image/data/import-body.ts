import { InvalidInput, parseJson } from '../../http/validation.js';
import { configuredStores, shownNameOf, type DataSettings } from '../../settings/data.js';

/** The methods of an import, where there is a store. Downloads from the web are left out on purpose. */
const IMPORT_METHODS: readonly string[] = ['glance-direct'];

export const importMethodsOf = (data: DataSettings): readonly string[] =>
  configuredStores(data).length === 0 ? [] : IMPORT_METHODS;

/** The names of the stores, as clients see them. */
export const storeNamesOf = (data: DataSettings): readonly string[] =>
  configuredStores(data).map(shownNameOf);

/**
 * Checks the body of an import.
 *
 * @param known the names of the stores
 * @throws {InvalidInput} another method, or another store
 */
export function checkImportBody(body: Buffer | undefined, known: readonly string[]): void {
  const document = parseJson(body) as ImportDocument | null;
  const name = document?.method?.name;
  if (typeof name !== 'string') throw new InvalidInput('The import method has no name.');
  if (!IMPORT_METHODS.includes(name)) {
    throw new InvalidInput(
      `Unknown import method name '${name}'. Allowed are: ${IMPORT_METHODS.join(', ')}.`,
    );
  }
  const stores = document?.stores ?? [];
  const isKnown = (name: unknown): boolean => name === known[0];
  if (known.length > 0 && (!Array.isArray(stores) || !stores.every(isKnown))) {
    throw new InvalidInput(`The only store of this service is ${known[0]}.`);
  }
}

interface ImportDocument {
  readonly method?: { readonly name?: unknown } | null;
  readonly stores?: unknown;
}
