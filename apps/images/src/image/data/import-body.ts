import { InvalidInput, parseJson } from '../../http/validation.js';
import type { ImportRequest } from '../../access/image-imports.js';
import { configuredStores, shownNameOf, type DataSettings } from '../../settings/data.js';

/** The methods of an import, where there is a store. Downloads from the web are left out on purpose. */
const IMPORT_METHODS = ['glance-direct'] as const;

/** The same with several stores. */
const METHODS_WITH_STORES = ['glance-direct', 'copy-image'] as const;

export const importMethodsOf = (data: DataSettings): readonly ImportRequest['method'][] => {
  if (data.stores.length > 0) return METHODS_WITH_STORES;
  return configuredStores(data).length === 0 ? [] : IMPORT_METHODS;
};

/** The names of the stores, as clients see them. */
export const storeNamesOf = (data: DataSettings): readonly string[] =>
  configuredStores(data).map(shownNameOf);

/** What the body of an import is read with. */
export interface ImportContext {
  readonly methods: readonly ImportRequest['method'][];
  /** The names of the stores. */
  readonly known: readonly string[];
  /** Whether clients choose among them. */
  readonly haveNames: boolean;
  /** The store that the header names. */
  readonly header: string | undefined;
}

interface ImportDocument {
  readonly method?: { readonly name?: unknown } | null;
  readonly stores?: unknown;
  readonly all_stores?: unknown;
  readonly all_stores_must_succeed?: unknown;
}

/**
 * Reads the body of an import.
 *
 * @throws {InvalidInput} another method or store, or contradicting choices of stores
 */
export function readImportBody(
  body: Buffer | undefined,
  context: ImportContext,
): Omit<ImportRequest, 'requestId'> {
  const document = (parseJson(body) ?? {}) as ImportDocument;
  const name = document.method?.name;
  if (typeof name !== 'string') throw new InvalidInput('The import method has no name.');
  const methods = context.methods.length === 0 ? IMPORT_METHODS : context.methods;
  const method = methods.find((each) => each === name);
  if (!method) {
    throw new InvalidInput(`Unknown import method name '${name}'. Allowed are: ${methods.join(', ')}.`);
  }
  const { stores, all_stores, all_stores_must_succeed } = document;
  const read = { method, document: { method: { name }, stores, all_stores, all_stores_must_succeed } };
  if (context.haveNames) return { ...read, ...storesOf(document, context) };
  refuseOtherStores(document, context.known);
  return { ...read, stores: undefined, allMustSucceed: true };
}

/** @throws {InvalidInput} */
function storesOf(
  document: ImportDocument,
  { known, header }: ImportContext,
): Pick<ImportRequest, 'stores' | 'allMustSucceed'> {
  const { stores } = document;
  const allMustSucceed = booleanOf(document, 'all_stores_must_succeed', true);
  if (booleanOf(document, 'all_stores', false)) {
    if (stores !== undefined || header !== undefined) {
      throw new InvalidInput(
        "All_stores parameter can't be used with x-image-meta-store header or stores parameter",
      );
    }
    return { stores: 'all', allMustSucceed };
  }
  if (stores === undefined) return { stores: header === undefined ? header : [header], allMustSucceed };
  if (header !== undefined) {
    throw new InvalidInput("Stores parameter and x-image-meta-store header can't be both specified");
  }
  const isName = (name: unknown): name is string => known.includes(name as string);
  if (!Array.isArray(stores) || stores.length === 0 || !stores.every(isName)) {
    throw new InvalidInput(`The stores of an import must be a list of some of these: ${known.join(', ')}.`);
  }
  return { stores, allMustSucceed };
}

/** @throws {InvalidInput} */
function booleanOf(
  document: ImportDocument,
  key: 'all_stores' | 'all_stores_must_succeed',
  initial: boolean,
): boolean {
  const { [key]: value = initial } = document;
  if (typeof value !== 'boolean') throw new InvalidInput(`'${key}' must be boolean value only`);
  return value;
}

/** @throws {InvalidInput} */
function refuseOtherStores({ stores = [] }: ImportDocument, known: readonly string[]): void {
  const isKnown = (name: unknown): boolean => name === known[0];
  if (known.length > 0 && (!Array.isArray(stores) || !stores.every(isKnown))) {
    throw new InvalidInput(`The only store of this service is ${known[0]}.`);
  }
}
