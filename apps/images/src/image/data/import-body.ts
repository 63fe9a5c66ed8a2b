import { InvalidInput, parseJson } from '../../http/validation.js';
import type { DataSettings } from '../../settings/data.js';

/** The methods of an import, where there is a store. Downloads from the web are left out on purpose. */
const IMPORT_METHODS: readonly string[] = ['glance-direct'];

type Store = Pick<DataSettings, 'use'>;

export const importMethodsOf = ({ use }: Store): readonly string[] =>
  use === undefined ? [] : IMPORT_METHODS;

/**
 * Checks the body of an import. The only store has the name of its kind.
 *
 * @throws {InvalidInput} another method, or another store
 */
export function checkImportBody(body: Buffer | undefined, { use }: Store): void {
  const document = parseJson(body) as ImportDocument | null;
  const name = document?.method?.name;
  if (typeof name !== 'string') throw new InvalidInput('The import method has no name.');
  if (!IMPORT_METHODS.includes(name)) {
    throw new InvalidInput(
      `Unknown import method name '${name}'. Allowed are: ${IMPORT_METHODS.join(', ')}.`,
    );
  }
  const stores = document?.stores ?? [];
  const isKnown = (store: unknown): boolean => store === use;
  if (!Array.isArray(stores) || !stores.every(isKnown)) {
    throw new InvalidInput(`The only store of this service is ${use}.`);
  }
}

interface ImportDocument {
  readonly method?: { readonly name?: unknown } | null;
  readonly stores?: unknown;
}
