import type { Image } from '@glimpse/domain';
import type { ImageExtension, Json } from './contract.js';
import { reasonOf, type OnFault } from './fault.js';

/** Handles the rejection of a promise that is not awaited, which would end the process. */
function forget(value: unknown): boolean {
  if (typeof (value as PromiseLike<unknown> | undefined | null)?.then !== 'function') return false;
  Promise.resolve(value).catch(() => undefined);
  return true;
}

/** A JSON value; objects are deep-copied so the extension cannot change them later. */
function json(name: string, value: unknown): Json {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value === 'object') return JSON.parse(JSON.stringify(value)) as Json;
  throw new TypeError(`${name} = ${String(value)} is not allowed: it must be a JSON value`);
}

/**
 * The attributes that an extension adds to an image: a mapping of JSON values. As in JSON, an undefined attribute is
 * omitted.
 *
 * @param reserved names that the extension may not use
 * @throws {TypeError} the result does not conform to the contract; and errors of the extension
 */
export function attributesOf(
  extension: ImageExtension,
  image: Image,
  reserved: ReadonlySet<string> = new Set(),
): Readonly<Record<string, Json>> {
  const attributes: unknown = extension.attributes(image);
  if (forget(attributes)) throw new TypeError('attributes answered a promise, wanted is a mapping');
  if (typeof attributes !== 'object' || attributes === null || Array.isArray(attributes)) {
    throw new TypeError(
      `attributes answered ${attributes === null ? 'null' : typeof attributes}, wanted is a mapping`,
    );
  }
  const entries = Object.entries(attributes).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    entries.map(([name, value]: [string, unknown]) => {
      if (reserved.has(name)) throw new TypeError(`${name} is an attribute of the document itself`);
      return [name, json(name, value)];
    }),
  );
}

/**
 * Keeps an extension's faults to itself: where it throws or its result does not conform to the contract, the document is
 * sent without its attributes. An extension that never returns cannot be stopped.
 *
 * @param reserved names that the extension may not use
 *
 * @example
 * const isolated = isolateImageExtension(extension, new Set(['id', 'links']), (reason) => console.error(reason));
 */
export function isolateImageExtension(
  extension: ImageExtension,
  reserved: ReadonlySet<string>,
  onFault: OnFault,
): ImageExtension {
  return {
    alias: extension.alias,
    name: extension.name,
    namespace: extension.namespace,
    updated: extension.updated,
    description: extension.description,
    position: extension.position ?? 'last',
    attributes(image) {
      try {
        return attributesOf(extension, image, reserved);
      } catch (error) {
        onFault(reasonOf(error));
        return {};
      }
    },
  };
}
