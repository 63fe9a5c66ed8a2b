import { InvalidInput, parseJson } from '../../http/validation.js';

/** The methods of an import that this service has. Downloads from the web are left out on purpose. */
export const IMPORT_METHODS = ['glance-direct'] as const;

/** The name of the only store. */
const STORE = 'file';

/** Checks the body of an import. @throws {InvalidInput} another method, or another store */
export function checkImportBody(body: Buffer | undefined): void {
  const document = parseJson(body) as ImportDocument | null;
  const name = document?.method?.name;
  if (typeof name !== 'string') throw new InvalidInput('The import method has no name.');
  if (!(IMPORT_METHODS as readonly string[]).includes(name)) {
    throw new InvalidInput(
      `Unknown import method name '${name}'. Allowed are: ${IMPORT_METHODS.join(', ')}.`,
    );
  }
  const stores = document?.stores ?? [];
  const isKnown = (store: unknown): boolean => store === STORE;
  if (!Array.isArray(stores) || !stores.every(isKnown)) {
    throw new InvalidInput(`The only store of this service is ${STORE}.`);
  }
}

interface ImportDocument {
  readonly method?: { readonly name?: unknown } | null;
  readonly stores?: unknown;
}
